"""Lays a voice out for `audiodiff prepare`: python voices.py VOICE ROOT SPLITS OUT.

OUT becomes a folder in LJSpeech's form: ``wavs/`` with a link to every recording that is used,
``metadata.csv``, ``train.txt``, ``dev.txt`` and ``test.txt``. The recordings in SPLITS/dev.txt and
SPLITS/test.txt are held out, and no other reading of their prompts is used.
"""

import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple


class LayoutError(Exception):
    """An error to show to the user."""


class Source(NamedTuple):
    """How a data set keeps its recordings and their texts.

    Attributes:
        pattern: Pattern of the recordings below the data set's folder.
        texts: Reads the texts, by the recording's id, from that folder.
    """

    pattern: str
    texts: Callable[[Path], dict[str, str]]


def lay_out(voice: str, root: Path, splits: Path, out: Path) -> None:
    """Writes the folder of a voice, whole or not at all.

    Args:
        voice: Name of the voice, one of `SOURCES`.
        root: Folder that holds the data set ``dataset-voice-VOICE``.
        splits: Folder of ``dev.txt`` and ``test.txt``, an id a line.
        out: Folder to write; an existing one is replaced.

    Raises:
        LayoutError: If the voice is unknown, a recording or text is missing, or a text is not in
            UTF-8.
    """
    if voice not in SOURCES:
        raise LayoutError(f"voice {voice!r} is unknown; choose from {', '.join(SOURCES)}")
    source, folder = SOURCES[voice], root / f"dataset-voice-{voice}"
    paths = {path.stem: path for path in sorted(folder.glob(source.pattern))}
    if not paths:
        raise LayoutError(
            f"{folder} has no {source.pattern}; give the folder that holds {folder.name} as ROOT"
        )
    texts = source.texts(folder)
    for id_, path in paths.items():
        if id_ not in texts:
            raise LayoutError(f"{path} has no text in {folder}; get the data set again")
    lists = divided({id_: texts[id_] for id_ in paths}, splits)
    used = sorted(id_ for ids in lists.values() for id_ in ids)
    making = out.with_name(f".{out.name}.part")
    shutil.rmtree(making, ignore_errors=True)  # left by a kill
    (making / "wavs").mkdir(parents=True)
    for id_ in used:
        (making / "wavs" / paths[id_].name).symlink_to(paths[id_].resolve())
    write(making / "metadata.csv", (f"{id_}|{texts[id_]}" for id_ in used))
    for split, ids in lists.items():
        write(making / f"{split}.txt", ids)
    shutil.rmtree(out, ignore_errors=True)
    making.rename(out)


def divided(texts: Mapping[str, str], splits: Path) -> dict[str, list[str]]:
    """The ids of each split: those held out, and all that share no prompt with them.

    Args:
        texts: Text of each recording, by its id.
        splits: Folder of the lists.

    Raises:
        LayoutError: If a list names a recording that is not there.
    """
    lists = {split: read(splits / f"{split}.txt").split() for split in ("dev", "test")}
    held_out: set[str] = set()
    for split, ids in lists.items():
        for id_ in ids:
            if id_ not in texts:
                raise LayoutError(
                    f"{splits / split}.txt names {id_!r}, which the data set lacks; get it again"
                )
            held_out.update(prompt_names(id_, texts[id_]))
    fit = (id_ for id_ in texts if held_out.isdisjoint(prompt_names(id_, texts[id_])))
    return {"train": sorted(fit), **lists}


def prompt_names(id_: str, text: str) -> tuple[str, str]:
    """The id without the time of recording, and the text's words.

    Both, because a prompt has been written in two ways under one id, and under two ids in one way.

    >>> prompt_names("nl_rhasspy_39_1602427760", "Niet super, best aardig.")
    ('nl_rhasspy_39', 'niet super best aardig')
    """
    return re.sub(r"_\d{10}$", "", id_), re.sub(r"\W+", " ", text.lower()).strip()


def from_metadata(folder: Path) -> dict[str, str]:
    """The texts of ``metadata.csv``, in which a line is ``id|text``."""
    lines = (line.partition("|") for line in read(folder / "metadata.csv").splitlines())
    return {id_: text for id_, _, text in lines}


def from_files(folder: Path) -> dict[str, str]:
    """The texts of the files beside the recordings."""
    return {path.stem: read(path).strip() for path in (folder / "data").glob("*.txt")}


def read(path: Path) -> str:
    """The text of a file.

    Raises:
        LayoutError: If it is not in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LayoutError(f"{path} is not in UTF-8 ({error}); get the data set again") from error


def write(path: Path, lines: Iterable[str]) -> None:
    """Writes a file of lines."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


SOURCES = {
    "kathleen": Source("data/*.wav", from_files),
    # Cut from the Opus files in audio/, decoded once, so nothing has to read those.
    "nathalie": Source("verified/*.flac", from_metadata),
    "flemishguy": Source("wavs/*.wav", from_metadata),
    "kerstin": Source("verified/*.flac", from_metadata),
}
"""The data sets, by the name of the voice."""

if __name__ == "__main__":
    try:
        lay_out(sys.argv[1], *map(Path, sys.argv[2:]))
    except (LayoutError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)

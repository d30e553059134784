"""Public corpora as they are on disk: their clips by id, and their own splits."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from audiodiff.data.corpus import SPLITS, find_audio, hold_out, read_ids
from audiodiff.errors import AudiodiffError

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
"""The words of SC09, the part of Speech Commands that unconditional models are trained on."""


class Layout(NamedTuple):
    """The clips of a corpus and its splits.

    Attributes:
        files: File of every clip, by the clip's id.
        lists: Ids of each split; without train, train is all that the others leave.
    """

    files: dict[str, Path]
    lists: dict[str, list[str]]


def read_layout(name: str, root: Path, splits: Path | None) -> Layout:
    """Finds a corpus's clips and divides them.

    Without a dev list, about 2 % of the clips to train on are held out by a hash of their id.

    Args:
        name: Name of the corpus, one of `LAYOUTS`.
        root: Folder of the corpus, or the folder that holds it.
        splits: Folder of ``train.txt``, ``dev.txt`` or ``test.txt``, in which a line is an id or,
            with ``*`` in it, a pattern of ids; they replace the corpus's own. None for the
            corpus's own.

    Raises:
        AudiodiffError: If the name is unknown, if ``root`` is not laid out like that corpus, or if
            a line fits no clip or one that is in another list.
    """
    if name not in LAYOUTS:
        raise AudiodiffError(f"corpus {name!r} is unknown; choose from {', '.join(LAYOUTS)}")
    if not root.is_dir():
        raise AudiodiffError(f"--root {root} is no folder; give the one that holds the corpus")
    files, lists = LAYOUTS[name](root)
    if splits is not None:
        lists = _read_lists(splits, files)
    owners: dict[str, str] = {}
    for split, ids in lists.items():
        for id_ in ids:
            other = owners.setdefault(id_, split)
            if other != split:
                raise AudiodiffError(
                    f"clip {id_!r} is in both {other} and {split}; it may be in one split only"
                )
    if "train" not in lists:
        lists = lists | {"train": [id_ for id_ in files if id_ not in owners]}
    if "dev" not in lists:
        lists = lists | hold_out(lists["train"], str(root))
    return Layout(files, {split: lists[split] for split in SPLITS if split in lists})


def _read_lists(folder: Path, files: Mapping[str, Path]) -> dict[str, list[str]]:
    lists = {}
    for split in SPLITS:
        path = folder / f"{split}.txt"
        if path.is_file():
            found = (id_ for line in read_ids(path) for id_ in _matches(line, files, path))
            lists[split] = list(dict.fromkeys(found))
    if not lists:
        raise AudiodiffError(f"--splits {folder} holds none of train.txt, dev.txt and test.txt")
    return lists


def _matches(line: str, files: Mapping[str, Path], path: Path) -> list[str]:
    if "*" in line:
        pattern = re.compile(".*".join(map(re.escape, line.split("*"))))
        found = [id_ for id_ in files if pattern.fullmatch(id_)]
    else:
        found = [line] if line in files else []
    if not found:
        example = next(iter(files))
        raise AudiodiffError(f"{path}: {line!r} fits no clip; ids are such as {example!r}")
    return found


def _folder(root: Path) -> Layout:
    """Any folder of audio, with split lists if it has them."""
    lists = {split: root / f"{split}.txt" for split in SPLITS}
    lists = {split: path for split, path in lists.items() if path.is_file()}
    files = find_audio(root / "wavs" if lists and (root / "wavs").is_dir() else root)
    return Layout(files, _read_lists(root, files) if lists else {})


def _ljspeech(root: Path) -> Layout:
    """LJSpeech 1.1: ``wavs/LJ001-0001.wav``."""
    folder = _inner(root, "LJSpeech-1.1", "wavs")
    return Layout(_found(folder, "wavs/*.wav", lambda path: path.stem), {})


def _vctk(root: Path) -> Layout:
    """VCTK 0.92: ``wav48_silence_trimmed/p225/p225_001_mic1.flac``.

    Of the two microphones the first is taken, which every speaker has.
    """
    folder = _inner(root, "VCTK-Corpus-0.92", "wav48_silence_trimmed")
    pattern = "wav48_silence_trimmed/*/*_mic1.flac"
    return Layout(_found(folder, pattern, lambda path: f"{path.parent.name}/{path.stem[:-5]}"), {})


def _libritts(root: Path) -> Layout:
    """LibriTTS or LibriTTS-R: ``train-clean-100/103/1241/103_1241_000000_000001.wav``."""
    names = (name for name in ("LibriTTS_R", "LibriTTS") if (root / name).is_dir())
    folder = root / next(names, "")

    def id_of(path: Path) -> str:
        return path.relative_to(folder).with_suffix("").as_posix()

    files = _found(folder, "*-*/*/*/*.wav", id_of)
    by_split = {split: [id_ for id_ in files if id_.startswith(f"{split}-")] for split in SPLITS}
    return Layout(files, {split: ids for split, ids in by_split.items() if ids})


def _speech_commands(root: Path) -> Layout:
    """The ten digits of Speech Commands 0.02: ``zero/004ae714_nohash_0.wav``, with its lists."""
    folder = _inner(root, "speech_commands_v0.02", "testing_list.txt")
    files = _found(folder, "*/*.wav", lambda path: f"{path.parent.name}/{path.stem}")
    files = {id_: path for id_, path in files.items() if path.parent.name in DIGITS}
    lists = {}
    for split, name in (("dev", "validation_list.txt"), ("test", "testing_list.txt")):
        if not (folder / name).is_file():
            raise AudiodiffError(f"{folder} has no {name}; unpack the archive again")
        ids = (line.removesuffix(".wav") for line in read_ids(folder / name))
        lists[split] = [id_ for id_ in ids if id_ in files]
    return Layout(files, lists)


def _musdb(root: Path) -> Layout:
    """MUSDB18-HQ and folders like it: ``train/NAME/mixture.wav``, ``test/NAME/mixture.wav``."""
    folder = _inner(root, "musdb18hq", "train")
    files = _found(
        folder, "*/*/mixture.wav", lambda path: path.parent.relative_to(folder).as_posix()
    )
    return Layout(files, {"test": [id_ for id_ in files if id_.startswith("test/")]})


def _inner(root: Path, name: str, sign: str) -> Path:
    """The folder that holds ``sign``: ``root``, or ``name`` in it.

    Raises:
        AudiodiffError: If it is in neither.
    """
    for folder in (root, root / name):
        if (folder / sign).exists():
            return folder
    raise AudiodiffError(
        f"{root} has neither {sign} nor {name}/{sign}; give the folder that the corpus's archive "
        "was unpacked into"
    )


def _found(folder: Path, pattern: str, id_of: Callable[[Path], str]) -> dict[str, Path]:
    """The files that match the pattern, by id.

    Raises:
        AudiodiffError: If no file matches.
    """
    paths: Iterable[Path] = sorted(folder.glob(pattern))
    files = {id_of(path): path for path in paths if not path.name.startswith(".")}
    if not files:
        raise AudiodiffError(
            f"{folder} holds no {pattern}; give the folder that the corpus's archive was unpacked "
            "into"
        )
    return files


LAYOUTS: dict[str, Callable[[Path], Layout]] = {
    "folder": _folder,
    "ljspeech": _ljspeech,
    "vctk": _vctk,
    "libritts": _libritts,
    "speech-commands": _speech_commands,
    "musdb": _musdb,
}
"""How to read each corpus, by its name."""

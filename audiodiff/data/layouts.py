"""Public corpora as they are on disk: their clips by id, and their own splits."""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from audiodiff.audio.io import AUDIO_SUFFIXES
from audiodiff.data.audio_files import find_audio
from audiodiff.data.captioned import Captions, read_captions
from audiodiff.data.corpus import SPLITS, check_lists_below, read_ids
from audiodiff.data.hold_out import hold_out, n_held_out
from audiodiff.data.labelled import Table, read_table
from audiodiff.errors import AudiodiffError
from audiodiff.system.folders import files_below, listed_name

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
"""The words of SC09, the part of Speech Commands that unconditional models are trained on."""

TEST_TAKES, DEV_TAKES = tuple("01234"), tuple("56")
"""Takes of the free spoken digits that test and validate."""


class Layout(NamedTuple):
    """The clips of a corpus, its splits, its labels and its texts.

    Attributes:
        files: File of every clip, by the clip's id.
        lists: Ids of each split: train, and dev and test if the corpus names them.
        labels: Labels of the clips; empty for a corpus whose labels are its folders, or none.
        captions: Texts of the clips; empty for a corpus without ``captions.jsonl``.
    """

    files: dict[str, Path]
    lists: dict[str, list[str]]
    labels: Table = MappingProxyType({})
    captions: Captions = MappingProxyType({})

    def with_held_out(self, fit: Collection[str]) -> "Layout":
        """The layout with a dev list, drawn by `hold_out` if there is none.

        If there is no test list either, it is drawn too, unless no clip would be left to train on.

        Args:
            fit: Ids of the usable clips, from which the lists are drawn.

        Raises:
            AudiodiffError: If there is only one clip to draw from.
        """
        if "dev" in self.lists:
            return self
        lists = dict(self.lists)
        candidates = [id_ for id_ in lists["train"] if id_ in fit]
        count = n_held_out(len(candidates))
        for split in ("dev", "test"):
            if split not in lists and (split == "dev" or len(candidates) > 1):
                drawn = set(hold_out(candidates, "the corpus", count))
                lists[split] = [id_ for id_ in lists["train"] if id_ in drawn]
                lists["train"] = [id_ for id_ in lists["train"] if id_ not in drawn]
                candidates = [id_ for id_ in candidates if id_ not in drawn]
        return self._replace(lists={split: lists[split] for split in SPLITS if split in lists})


def read_layout(name: str, root: Path, splits: Path | None, without: Path | None = None) -> Layout:
    """Finds a corpus's clips, and divides them as its lists say.

    Args:
        name: Name of the corpus, one of `LAYOUTS`.
        root: Folder of the corpus, or the folder that holds it.
        splits: Folder of ``train.txt``, ``dev.txt`` or ``test.txt``, in which a line is an id or,
            with ``*`` in it, a pattern of ids; they replace the corpus's own. None for the
            corpus's own.
        without: Folder below ``root`` that holds results and is not searched; None for none.

    Raises:
        AudiodiffError: If the name is unknown, if ``root`` is not laid out like that corpus, if a
            line fits no clip or one that is in another list, if folders in ``root`` have lists
            that are not read, or if ``captions.jsonl`` in ``root`` is damaged.
    """
    if name not in LAYOUTS:
        raise AudiodiffError(f"corpus {name!r} is unknown; choose from {', '.join(LAYOUTS)}")
    if not root.is_dir():
        raise AudiodiffError(f"--root {root} is no folder; give the one that holds the corpus")
    layout = LAYOUTS[name](root, without)
    files, lists = layout.files, layout.lists
    if splits is None:
        check_lists_below(root, files.values())
    else:
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
    return layout._replace(
        lists={split: lists[split] for split in SPLITS if split in lists},
        captions=read_captions([root]),
    )


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
    pattern = re.compile(".*".join(map(re.escape, line.split("*"))))
    found = [line] if line in files else [id_ for id_ in files if pattern.fullmatch(id_)]
    if not found:
        example = next(iter(files))
        raise AudiodiffError(f"{path}: {line!r} fits no clip; ids are such as {example!r}")
    return found


def _folder(root: Path, without: Path | None) -> Layout:
    """Any folder of audio, with split lists and labels if it has them."""
    lists = {split: root / f"{split}.txt" for split in SPLITS}
    lists = {split: path for split, path in lists.items() if path.is_file()}
    files = find_audio(root / "wavs" if lists and (root / "wavs").is_dir() else root, without)
    return Layout(files, _read_lists(root, files) if lists else {}, read_table([root]))


def _ljspeech(root: Path, without: Path | None) -> Layout:
    """LJSpeech 1.1: ``wavs/LJ001-0001.wav``."""
    folder = _inner(root, "LJSpeech-1.1", "wavs")
    return Layout(_found(folder, "wavs/*.wav", without, lambda path: path.stem), {})


def _vctk(root: Path, without: Path | None) -> Layout:
    """VCTK 0.92: ``wav48_silence_trimmed/p225/p225_001_mic1.flac``.

    Of the two microphones the first is taken, which every speaker has.
    """
    folder = _inner(root, "VCTK-Corpus-0.92", "wav48_silence_trimmed")
    pattern = "wav48_silence_trimmed/*/*_mic1.flac"
    files = _found(folder, pattern, without, lambda path: f"{path.parent.name}/{path.stem[:-5]}")
    return Layout(files, {})


def _libritts(root: Path, without: Path | None) -> Layout:
    """LibriTTS or LibriTTS-R: ``train-clean-100/103/1241/103_1241_000000_000001.wav``."""
    names = (name for name in ("LibriTTS_R", "LibriTTS") if (root / name).is_dir())
    folder = root / next(names, "")

    def id_of(path: Path) -> str:
        return path.relative_to(folder).with_suffix("").as_posix()

    files = _found(folder, "*-*/*/*/*.wav", without, id_of)
    by_split = {split: [id_ for id_ in files if id_.startswith(f"{split}-")] for split in SPLITS}
    return Layout(files, {split: ids for split, ids in by_split.items() if ids})


def _speech_commands(root: Path, without: Path | None) -> Layout:
    """The ten digits of Speech Commands 0.02: ``zero/004ae714_nohash_0.wav``, with its lists."""
    folder = _inner(root, "speech_commands_v0.02", "testing_list.txt")
    files = _found(folder, "*/*.wav", without, lambda path: f"{path.parent.name}/{path.stem}")
    files = {id_: path for id_, path in files.items() if path.parent.name in DIGITS}
    lists = {}
    for split, name in (("dev", "validation_list.txt"), ("test", "testing_list.txt")):
        if not (folder / name).is_file():
            raise AudiodiffError(f"{folder} has no {name}; unpack the archive again")
        ids = (line.removesuffix(".wav") for line in read_ids(folder / name))
        lists[split] = [id_ for id_ in ids if id_ in files]
    return Layout(files, lists)


def _digits(root: Path, without: Path | None) -> Layout:
    """The free spoken digits: ``recordings/7_theo_32.wav`` is take 32 of a seven by theo.

    Takes 0 to 4 are the corpus's own test set. Of the others, 5 and 6 are held out, so that the
    dev list has every digit of every speaker.
    """
    folder = _inner(root, "free-spoken-digit-dataset", "recordings")
    files = _found(folder, "recordings/[0-9]_*_*.wav", without, lambda path: path.stem)
    parts = {id_: id_.split("_") for id_ in files}
    lists = {
        "dev": [id_ for id_, (_, _, take) in parts.items() if take in DEV_TAKES],
        "test": [id_ for id_, (_, _, take) in parts.items() if take in TEST_TAKES],
    }
    labels = {
        id_: {"digit": DIGITS[int(digit)], "speaker": speaker}
        for id_, (digit, speaker, _) in parts.items()
    }
    return Layout(files, lists, labels)


def _musdb(root: Path, without: Path | None) -> Layout:
    """MUSDB18-HQ and folders like it: ``train/NAME/mixture.wav``, ``test/NAME/mixture.wav``."""
    folder = _inner(root, "musdb18hq", "train")
    files = _found(
        folder, "*/*/mixture.wav", without, lambda path: path.parent.relative_to(folder).as_posix()
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


def _found(
    folder: Path, pattern: str, without: Path | None, id_of: Callable[[Path], str]
) -> dict[str, Path]:
    """The files that match the pattern, by id.

    Raises:
        AudiodiffError: If no file matches.
    """
    fit = set(files_below(folder, AUDIO_SUFFIXES, without))
    files = {listed_name(id_of(path)): path for path in sorted(folder.glob(pattern)) if path in fit}
    if not files:
        raise AudiodiffError(
            f"{folder} holds no {pattern}; give the folder that the corpus's archive was unpacked "
            "into"
        )
    return files


LAYOUTS: dict[str, Callable[[Path, Path | None], Layout]] = {
    "folder": _folder,
    "ljspeech": _ljspeech,
    "vctk": _vctk,
    "libritts": _libritts,
    "speech-commands": _speech_commands,
    "digits": _digits,
    "musdb": _musdb,
}
"""How to read each corpus, by its name."""

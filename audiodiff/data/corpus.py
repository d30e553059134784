"""The clips of a folder, divided into those that train, validate and test."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from audiodiff.audio.io import AUDIO_SUFFIXES, load
from audiodiff.config import Config
from audiodiff.data.audio_files import find_audio, folders_below
from audiodiff.data.hold_out import hold_out, n_held_out
from audiodiff.errors import AudiodiffError
from audiodiff.system.folders import files_below, listed_name, name_below

SPLITS = ("train", "dev", "test")
NAMES_SHOWN = 20
"""The most ids that a note or error names."""


class Clip(Config):
    """One audio file and its name in lists and reports."""

    id: str
    path: Path


class Corpus(Config):
    """The clips of one or several folders, with remarks on how they were read.

    Attributes:
        train: Clips to train on.
        dev: Clips to validate on; none of them trains.
        test: Clips for the final measurement alone; empty without a test list.
        notes: Sentences to print: what was missing, unused or chosen automatically.
    """

    train: tuple[Clip, ...]
    dev: tuple[Clip, ...]
    test: tuple[Clip, ...]
    notes: tuple[str, ...]


def read_corpus(folders: Sequence[str | Path]) -> Corpus:
    """Finds the clips of every folder and divides them into train, dev and test.

    A folder is either in LJSpeech's form, ``wavs/`` with a ``metadata.csv`` (``id|text``) or split
    lists beside it (``train.txt``, ``dev.txt``, ``test.txt``, one id a line), or any folder of
    audio files, searched by `files_below`. An id is a file's path below the folder as `listed_name`
    writes it; with several folders the folder's name comes before it. Without a dev list `hold_out`
    draws some of the training clips of each folder that can be read.

    Args:
        folders: One or more folders with distinct names.

    Raises:
        AudiodiffError: If a folder is missing, holds no audio or no clip to train on, is given
            twice or lies in another; if an id is in two split lists or stands for two files; if it
            has no lists but a folder in it has.
    """
    paths = [Path(folder) for folder in folders]
    _check_folders(paths)
    parts = [_read_folder(path, prefix_of(path, paths)) for path in paths]
    return Corpus(
        train=tuple(clip for part in parts for clip in part.train),
        dev=tuple(clip for part in parts for clip in part.dev),
        test=tuple(clip for part in parts for clip in part.test),
        notes=tuple(note for part in parts for note in part.notes),
    )


def _check_folders(folders: Sequence[Path]) -> None:
    if not folders:
        raise AudiodiffError("folders is empty; give at least one folder of audio files")
    for folder in folders:
        if not folder.is_dir():
            raise AudiodiffError(f"the corpus folder {folder} does not exist; check the path")
    places = [folder.resolve() for folder in folders]
    for i, place in enumerate(places):
        for j in range(i):
            if place.name == places[j].name:
                raise AudiodiffError(
                    f"the folders {folders[j]} and {folders[i]} have the same name "
                    f"{place.name!r}, which would mix up their ids; give the folder above "
                    "them, or rename one"
                )
            if place in places[j].parents or places[j] in place.parents:
                raise AudiodiffError(
                    f"one of the folders {folders[j]} and {folders[i]} lies in the other, so its "
                    "clips would count twice; give only one of them"
                )


def prefix_of(folder: Path, folders: Sequence[Path]) -> str:
    """What comes before the ids of one of several folders: its name; nothing for a single one."""
    return f"{listed_name(folder.resolve().name)}/" if len(folders) > 1 else ""


def _read_folder(folder: Path, prefix: str) -> Corpus:
    lists = _lists_of(folder)
    metadata = folder / "metadata.csv"
    sources = {f"{split}.txt": ids for split, ids in lists.items()}
    if metadata.is_file():
        sources["metadata.csv"] = read_ids(metadata)
    files = find_audio(folder / "wavs" if sources and (folder / "wavs").is_dir() else folder)
    _check_disjoint(folder, lists)
    check_lists_below(folder, files.values())

    notes = [_missing_note(folder, name, ids, files) for name, ids in sources.items()]
    splits = _divide(lists, sources.get("metadata.csv", files), files)
    if not splits["train"]:
        raise AudiodiffError(
            f"{folder} leaves no clip to train on; its lists must name audio files by their path "
            f"without suffix, such as {next(iter(files))!r}"
        )
    if "dev" not in lists:
        ids = splits["train"]
        count = n_held_out(len(ids))
        drawn = set(hold_out(ids, str(folder), count, lambda id_: _fault_of(files[id_])))
        splits["dev"] = [id_ for id_ in ids if id_ in drawn]
        splits["train"] = [id_ for id_ in ids if id_ not in drawn]
        notes.append(_hold_out_note(folder, splits["dev"]))
    notes.append(_unused_note(folder, sources, splits, files))
    train, dev, test = (
        tuple(Clip(id=prefix + id_, path=files[id_]) for id_ in splits[split]) for split in SPLITS
    )
    return Corpus(train=train, dev=dev, test=test, notes=tuple(note for note in notes if note))


def clips_of(folder: Path, split: str) -> dict[str, Path]:
    """The audio files of a split of a folder by id; all of them if it has no list of that split.

    Raises:
        AudiodiffError: If the folder is missing or holds no audio, or its list names none of it;
            if it has no lists but a folder in it has.
    """
    if not folder.is_dir():
        raise AudiodiffError(f"{folder} is no folder; give one with sound files")
    path = folder / f"{split}.txt"
    if not path.is_file():
        files = find_audio(folder)
        check_lists_below(folder, files.values())
        return files
    files = find_audio(folder / "wavs" if (folder / "wavs").is_dir() else folder)
    found = {id_: files[id_] for id_ in read_ids(path) if id_ in files}
    if not found:
        raise AudiodiffError(
            f"{path} names no clip of its folder, where they are such as {next(iter(files))!r}; "
            "mend the list"
        )
    return found


def read_ids(path: Path) -> list[str]:
    """The text before the first ``|`` of every line, without repetitions, in the file's order."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise AudiodiffError(f"{path} is not in UTF-8 ({error}); save it as UTF-8") from error
    ids = (line.split("|", 1)[0].strip() for line in text.split("\n"))
    return list(dict.fromkeys(id_ for id_ in ids if id_))


def check_lists_below(root: Path, files: Iterable[Path]) -> None:
    """Refuses clips of folders whose own lists would not be read, unless ``root`` has lists.

    Args:
        root: The folder that is read.
        files: Its audio files.

    Raises:
        AudiodiffError: Naming the first such folder.
    """
    if _lists_of(root):
        return
    for folder in folders_below(root, files):
        if _lists_clips(folder):
            raise AudiodiffError(
                f"{folder} has lists of its own, which would not be read, so that its test clips "
                "would be mixed with the others; give each such folder itself, or put lists that "
                f"name the clips of all into {root}"
            )


def _lists_of(folder: Path) -> dict[str, list[str]]:
    """The ids in the lists of a folder, by split."""
    paths = {split: folder / f"{split}.txt" for split in SPLITS}
    return {split: read_ids(path) for split, path in paths.items() if path.is_file()}


def _lists_clips(folder: Path) -> bool:
    """Whether lists of a folder name clips of it; a text beside a clip is no list."""
    listed = {id_ for ids in _lists_of(folder).values() for id_ in ids}
    if not listed:
        return False
    found = files_below(folder, AUDIO_SUFFIXES)
    names = {name_below(folder, path) for path in found}
    return bool(listed & (names | {name.removeprefix("wavs/") for name in names}))


def _check_disjoint(folder: Path, lists: Mapping[str, Sequence[str]]) -> None:
    counts = Counter(id_ for ids in lists.values() for id_ in ids)
    twice = [id_ for id_, count in counts.items() if count > 1]
    if twice:
        raise AudiodiffError(
            f"{folder} lists {_names(twice)} in more than one of "
            f"{', '.join(f'{split}.txt' for split in lists)}; a clip may be in one split only"
        )


def _divide(
    lists: Mapping[str, Sequence[str]], candidates: Iterable[str], files: Mapping[str, Path]
) -> dict[str, list[str]]:
    """The existing ids of each split; without a train list, train is what dev and test leave."""
    taken = {id_ for ids in lists.values() for id_ in ids}
    rest = [id_ for id_ in candidates if id_ not in taken]
    wanted = {split: lists.get(split, rest if split == "train" else ()) for split in SPLITS}
    return {split: [id_ for id_ in ids if id_ in files] for split, ids in wanted.items()}


def _fault_of(path: Path) -> str | None:
    """Why a clip cannot be read; None if it can."""
    try:
        load(path)
    except AudiodiffError as error:
        return str(error)
    return None


def _hold_out_note(folder: Path, held_out: Sequence[str]) -> str:
    return (
        f"{folder} has no dev.txt: {_count(held_out, 'training clip')} held out for "
        "validation, chosen by a hash of the id"
    )


def _missing_note(folder: Path, name: str, ids: Sequence[str], files: Collection[str]) -> str:
    missing = [id_ for id_ in ids if id_ not in files]
    if not missing:
        return ""
    return f"{folder}/{name} lists {_count(missing, 'id')} without a file: {_names(missing)}"


def _unused_note(
    folder: Path,
    sources: Collection[str],
    splits: Mapping[str, Sequence[str]],
    files: Collection[str],
) -> str:
    used = {id_ for ids in splits.values() for id_ in ids}
    unused = [id_ for id_ in files if id_ not in used]
    if not unused:
        return ""
    lists = [name for name in sources if name != "metadata.csv"]
    names = lists if "train.txt" in sources else [*lists, "metadata.csv"]
    return f"{folder}: {_count(unused, 'clip')} unused, as not in {' or '.join(names)}"


def _count(items: Collection[str], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def _names(ids: Sequence[str]) -> str:
    shown = ", ".join(repr(id_) for id_ in ids[:NAMES_SHOWN])
    more = len(ids) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown

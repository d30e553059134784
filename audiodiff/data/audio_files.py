"""The audio files below a folder, by id."""

from collections.abc import Iterable
from pathlib import Path

from audiodiff.audio.io import AUDIO_SUFFIXES
from audiodiff.errors import AudiodiffError
from audiodiff.system.folders import files_below, name_below

SETTINGS_NAME = "prepare.json"
"""File in the folder of every corpus that `audiodiff prepare` wrote."""


def find_audio(root: Path, without: Path | None = None) -> dict[str, Path]:
    """Every audio file below ``root`` by id, sorted, as `files_below` finds them.

    Raises:
        AudiodiffError: If there is none, two have one id, or some belong to a corpus that
            `audiodiff prepare` wrote below ``root``.
    """
    files: dict[str, Path] = {}
    for path in files_below(root, AUDIO_SUFFIXES, without):
        id_ = name_below(root, path)
        if id_ in files:
            raise AudiodiffError(
                f"{files[id_]} and {path} would both be clip {id_!r}; keep one of them"
            )
        files[id_] = path
    if not files:
        raise AudiodiffError(
            f"no audio in {root}: looked there and in its subfolders for files ending in "
            f"{', '.join(sorted(AUDIO_SUFFIXES))}; check the path"
        )
    _check_unprepared(root, files.values())
    return files


def _check_unprepared(root: Path, files: Iterable[Path]) -> None:
    """Refuses to mix clips with prepared ones, whose own lists would not be read."""
    for folder in folders_below(root, files):
        if (folder / SETTINGS_NAME).is_file():
            raise AudiodiffError(
                f"{folder} holds clips that `audiodiff prepare` wrote; give that folder "
                f"itself, or move it out of {root}"
            )


def folders_below(root: Path, files: Iterable[Path]) -> list[Path]:
    """The folders below ``root`` that hold files, or folders of files."""
    folders = {folder for path in files for folder in path.relative_to(root).parents[:-1]}
    return [root / folder for folder in sorted(folders)]

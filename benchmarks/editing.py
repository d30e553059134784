"""What the benchmarks of edits share: options, the editor, and the figures of many clips."""

import statistics
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pool import pooled
from quality import find_voices

from audiodiff import Editor

Key = TypeVar("Key", bound=Hashable)

Data = Annotated[Path, typer.Argument(help="Folder of voices, each with wavs/ and test.txt.")]
Model = Annotated[str, typer.Option(help="Model that fills gaps.")]
Limit = Annotated[int, typer.Option(help="Greatest number of clips per voice.", min=1)]
Workers = Annotated[int, typer.Option(help="Number of processes, of one thread each.", min=1)]


@cache
def editor(name: str) -> Editor:
    """The editor, which a process loads once."""
    return Editor.from_pretrained(name)


def clips_of(data: Path, limit: int) -> list[Path]:
    """The test clips of all voices."""
    return [clip for voice in find_voices(data, limit).values() for clip in voice]


def judged_by(
    work: Callable[..., Any], jobs: Sequence[tuple[Key, tuple[Any, ...]]], workers: int
) -> dict[Key, list[Any]]:
    """The figures of each row, by its key, but for those that are None.

    Args:
        work: Gives the figures of a clip.
        jobs: The key of the row, and what ``work`` is given, of each clip and row.
        workers: Number of processes.
    """
    found: dict[Key, list[Any]] = {key: [] for key, _ in jobs}
    for place, call in pooled(work, [given for _, given in jobs], workers):
        if (figures := call.result()) is not None:
            found[jobs[place][0]].append(figures)
    return found


def in_words(values: Sequence[float], digits: int) -> str:
    """The mean of values with its 95 % interval."""
    half = 1.96 * statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.{digits}f} ± {half:.{digits}f}"


def row(names: Sequence[object], figures: Sequence[Sequence[float]], digits: Sequence[int]) -> str:
    """A row of a Markdown table: names, then the mean of each figure over clips."""
    shown = (in_words(x, n) for x, n in zip(zip(*figures, strict=True), digits, strict=True))
    return f"| {' | '.join([*map(str, names), *shown])} |"


def head(*names: str) -> str:
    """The head of a Markdown table."""
    return f"| {' | '.join(names)} |\n|{' --- |' * len(names)}"

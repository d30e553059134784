"""Gaps in a recording, and the stretches around them that are filled at once."""

import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeAlias

from audiodiff.config import shown
from audiodiff.errors import AudiodiffError

Seconds: TypeAlias = tuple[float, float]
"""Start and end of a gap in seconds."""


NUMBER = r"\d+(?:\.\d+)?"

MAX_BYTES = 2**24
"""The longest file of gaps."""


class Gap(NamedTuple):
    """Samples that are missing.

    Attributes:
        first: The first of them.
        last: The one after them.
    """

    first: int
    last: int


class Window(NamedTuple):
    """A stretch of a recording, and the gaps in it that are filled at once.

    Attributes:
        first: Its first sample.
        last: The sample after it.
        gaps: The gaps to fill.
        later: Gaps that begin in it and are filled after it.
    """

    first: int
    last: int
    gaps: tuple[Gap, ...]
    later: tuple[Gap, ...]


def gaps_of(
    seconds: Sequence[Seconds], sample_rate: int, n_samples: int, name: str = "the wave"
) -> list[Gap]:
    """The gaps of a recording in samples, in order.

    Args:
        seconds: Start and end of each in seconds.
        sample_rate: Sample rate in Hz.
        n_samples: Length of the recording in samples.
        name: What the recording is called in messages.

    Raises:
        AudiodiffError: If there is no gap, or one is reversed, empty, outside the recording, not
            finite, or overlaps another.

    Examples:
        >>> gaps_of([(0.5, 0.52)], 16000, 32000)
        [Gap(first=8000, last=8320)]
    """
    if not seconds:
        raise AudiodiffError(f"{name}: no gap is given; give at least one, such as 1.20-1.32")
    gaps = []
    for start, end in seconds:
        check_gap(start, end, f"{name}: ")
        said = f"{name}: gap {start:g}-{end:g} s"
        length = n_samples / sample_rate
        if end > length + 0.5 / sample_rate:
            raise AudiodiffError(f"{said} ends after the sound, which lasts {length:g} s")
        gap = Gap(round(start * sample_rate), min(n_samples, round(end * sample_rate)))
        if gap.first == gap.last:
            raise AudiodiffError(f"{said} holds no sample at {sample_rate} Hz; give a longer one")
        gaps.append(gap)
    gaps.sort()
    for before, after in pairwise(gaps):
        if after.first < before.last:
            raise AudiodiffError(
                f"{name}: gaps {_shown(before, sample_rate)} and {_shown(after, sample_rate)} s "
                "overlap; give them as one"
            )
    return gaps


def check_gap(start: float, end: float, prefix: str = "") -> None:
    """Refuses a gap that no recording could have.

    Args:
        start: Its start in seconds.
        end: Its end in seconds.
        prefix: What messages begin with.

    Raises:
        AudiodiffError: If it is not finite, or its start is below 0 or not before its end.
    """
    said = f"{prefix}gap {start:g}-{end:g} s"
    if not (math.isfinite(start) and math.isfinite(end)):
        raise AudiodiffError(f"{said} is not finite; give its start and end in seconds")
    if not 0 <= start < end:
        raise AudiodiffError(f"{said} does not rise from 0 or more; give its start, then its end")


def gap_from_text(text: str) -> Seconds:
    """Start and end of a gap from text.

    Examples:
        >>> gap_from_text("1.20-1.32")
        (1.2, 1.32)

    Raises:
        AudiodiffError: If the text is no two numbers with ``-`` between them.
    """
    found = re.fullmatch(rf"\s*({NUMBER})\s*-\s*({NUMBER})\s*", text)
    if found is None:
        raise AudiodiffError(
            f"gap {shown(text)} is not its start and its end in seconds; give e.g. 1.20-1.32"
        )
    return float(found[1]), float(found[2])


def gaps_from_file(path: Path) -> list[Seconds]:
    """The gaps of a text file, one in each line: start, end and anything else, in seconds.

    Raises:
        AudiodiffError: If the file cannot be read, is longer than `MAX_BYTES`, or a line does not
            begin with two numbers.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        lines = content.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AudiodiffError(
            f"{path} cannot be read ({error}); save it as text in UTF-8"
        ) from error
    if len(content) > MAX_BYTES:
        raise AudiodiffError(f"{path} exceeds {MAX_BYTES} bytes; give fewer gaps")
    gaps = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("\\"):  # Audacity's second line has frequencies
            continue
        found = re.match(rf"({NUMBER})[\s,;]+({NUMBER})(?:[\s,;]|$)", line)
        if found is None:
            raise AudiodiffError(
                f"{path}: line {number}, {shown(line)}, does not begin with the start and the end "
                "of a gap in seconds; mend it"
            )
        gaps.append((float(found[1]), float(found[2])))
    return gaps


def windows_of(
    gaps: Sequence[Gap], n_samples: int, context: int, together: int
) -> Iterator[Window]:
    """Stretches that hold all gaps, each with sound around its own.

    Args:
        gaps: Gaps in order.
        n_samples: Length of the recording in samples.
        context: Samples on either side of the gaps that are filled at once.
        together: The longest stretch, from the first sample of a gap to the last of another, in
            which gaps are filled at once.
    """
    waiting = list(gaps)
    while waiting:
        start = waiting[0].first
        own = [waiting.pop(0)]
        while waiting and waiting[0].last - start <= together:
            own.append(waiting.pop(0))
        first, last = max(0, start - context), min(n_samples, own[-1].last + context)
        later = tuple(Gap(gap.first, min(gap.last, last)) for gap in waiting if gap.first < last)
        yield Window(first, last, tuple(own), later)


def _shown(gap: Gap, sample_rate: int) -> str:
    return f"{gap.first / sample_rate:g}-{gap.last / sample_rate:g}"

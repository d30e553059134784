"""Parts of a sound, as spans of seconds."""

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

MAX_SPANS = 64
"""Most spans of a record, which libsndfile then reads as a whole; it takes comments of 2 kB."""

Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
Span: TypeAlias = tuple[Seconds, Seconds]


def merged(spans: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Spans in order, in milliseconds, of which none touch.

    They cover all that the given ones do: ends are rounded outwards, and where more than
    `MAX_SPANS` remain, the narrowest gaps are closed.

    Args:
        spans: Starts and ends in seconds, in any order.

    Raises:
        ValueError: If there is no span, or one does not end after its start.

    Examples:
        >>> merged([(2.0, 3.0), (0.2504, 0.5), (0.4, 0.75)])
        ((0.25, 0.75), (2.0, 3.0))
    """
    made: list[tuple[int, int]] = []
    for first, last in (_milliseconds(*span) for span in sorted(spans)):
        if made and first <= made[-1][1]:
            made[-1] = made[-1][0], max(made[-1][1], last)
        else:
            made.append((first, last))
    if not made:
        raise ValueError("there is no span")
    widest = sorted(range(1, len(made)), key=lambda i: made[i][0] - made[i - 1][1])
    bounds = [0, *sorted(widest[-(MAX_SPANS - 1) :]), len(made)]
    return tuple((made[i][0] / 1000, made[j - 1][1] / 1000) for i, j in pairwise(bounds))


def _milliseconds(start: float, end: float) -> tuple[int, int]:
    """A span rounded outwards to milliseconds."""
    if end <= start:
        raise ValueError(f"the span ({start}, {end}) does not end after its start")
    # To microseconds first: 1.001 times 1000 is a little less than 1001.
    return math.floor(round(start * 1000, 3)), math.ceil(round(end * 1000, 3))


Spans: TypeAlias = Annotated[tuple[Span, ...], Field(max_length=100_000), AfterValidator(merged)]
"""Spans, merged."""


def together(
    spans: Iterable[tuple[float, float]], earlier: Literal["all"] | Iterable[tuple[float, float]]
) -> Literal["all"] | tuple[tuple[float, float], ...]:
    """The synthetic parts of a sound that was edited again.

    Args:
        spans: The parts that are made now, in seconds.
        earlier: The parts that were made before, ``synthetic`` of the earlier record.

    Examples:
        >>> together([(1, 2)], [(4, 5)])
        ((1.0, 2.0), (4.0, 5.0))
    """
    return "all" if isinstance(earlier, str) else merged([*spans, *earlier])


def in_words(synthetic: Literal["all"] | Iterable[tuple[float, float]]) -> str:
    """Synthetic parts in words.

    >>> in_words([(0.5, 1.25), (3, 4)])
    'from 0.5 to 1.25 s, from 3 to 4 s'
    """
    if isinstance(synthetic, str):
        return "all of it"
    return ", ".join(f"from {start:.10g} to {end:.10g} s" for start, end in synthetic)

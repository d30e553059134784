"""Cuts a long mel into pieces that are made with their neighbours as context."""

from typing import NamedTuple

from audiodiff._types import WavePiece


class Span(NamedTuple):
    """The frames of a piece with its context, and those that are kept."""

    first: int
    last: int
    keep_first: int
    keep_last: int

    def kept(self, wave: WavePiece, hop_length: int) -> WavePiece:
        """The part of the piece's sound that is kept."""
        start, stop = self.keep_first - self.first, self.keep_last - self.first
        return wave[:, start * hop_length : stop * hop_length]


def cut(n_frames: int, chunk: int, context: int) -> list[Span]:
    """Cuts into pieces of ``chunk`` frames, or a single piece where cutting saves nothing.

    Examples:
        >>> [(span.first, span.last) for span in cut(20, chunk=10, context=2)]
        [(0, 12), (8, 20)]
    """
    if n_frames <= chunk + 2 * context:
        return [Span(0, n_frames, 0, n_frames)]
    return [
        Span(
            max(0, first - context),
            min(n_frames, first + chunk + context),
            first,
            min(n_frames, first + chunk),
        )
        for first in range(0, n_frames, chunk)
    ]


def grouped(spans: list[Span], batch_size: int) -> list[list[Span]]:
    """Groups neighbours of equal length, up to ``batch_size`` in a group."""
    groups: list[list[Span]] = []
    for span in spans:
        size = span.last - span.first
        if groups and len(groups[-1]) < batch_size:
            before = groups[-1][-1]
            if before.last - before.first == size:
                groups[-1].append(span)
                continue
        groups.append([span])
    return groups

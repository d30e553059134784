"""A long recording, made anew passage by passage in bounded memory."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import WavePiece

SECONDS, CONTEXT_SECONDS = 30, 1
"""Length of a passage, and what it hears on either side."""

SEAM_SECONDS = 0.05
"""Length of the crossfade from one passage to the next."""

Read: TypeAlias = Callable[[int, int], Float[Tensor, "channels _"]]
"""Gives samples of a recording by the first of them and their number."""


class Recording(NamedTuple):
    """A recording that is read in parts.

    Attributes:
        read: Gives parts of it.
        n_samples: Its length in samples.
        rate: Its sample rate in Hz.
    """

    read: Read
    n_samples: int
    rate: int


@runtime_checkable
class Make(Protocol):
    """Makes a part of a recording anew."""

    def __call__(self, part: WavePiece, first: int) -> WavePiece:
        """The part at the result's rate.

        Args:
            part: The part.
            first: Whole seconds of the recording before it.
        """


def recording_of(wave: Float[Tensor, "channels samples"], rate: int) -> Recording:
    """A recording in memory."""
    return Recording(lambda first, n: wave[:, first : first + n], wave.shape[1], rate)


def passages(recording: Recording) -> Iterator[WavePiece]:
    """The parts of a recording, one after another, without context."""
    for start in range(0, recording.n_samples, SECONDS * recording.rate):
        n = min(SECONDS * recording.rate, recording.n_samples - start)
        yield recording.read(start, n)


def remade(recording: Recording, make: Make, rate: int) -> Iterator[WavePiece]:
    """A recording made anew in pieces; joined along samples they are the whole.

    Args:
        recording: The recording.
        make: Makes a part of it.
        rate: Sample rate in Hz of what it makes.
    """
    read, n_samples, own = recording
    n_seam, tail = round(SEAM_SECONDS * rate), None
    for start in range(0, n_samples, SECONDS * own):
        end = min(n_samples, start + SECONDS * own)
        first = max(0, start - CONTEXT_SECONDS * own)
        part = read(first, min(n_samples, end + CONTEXT_SECONDS * own) - first)
        # A passage begins with a second, so at a whole sample at every rate.
        made = make(part, first // own)[:, (start - first) // own * rate :]
        n = round((end - start) * rate / own)
        if tail is not None:
            made = _faded(tail, made)
        tail = made[:, n : n + n_seam]
        yield made[:, :n]


def _faded(before: WavePiece, after: WavePiece) -> WavePiece:
    """A piece that begins as the one before it ends."""
    n = min(before.shape[1], after.shape[1])
    rising = (torch.arange(n) + 0.5) / n
    start = (1 - rising) * before[:, :n] + rising * after[:, :n]
    return torch.cat([start, after[:, n:]], 1)

"""Padding at the ends of mels that were made one length for a batch."""

from typing import NamedTuple

from torch import Tensor

from audiodiff._types import Mel

LEAST = 2
"""Least number of equal frames at the end of a mel that are taken for padding."""


class Padding(NamedTuple):
    """The padding of a batch.

    Attributes:
        n_mels: Number of mels that end in padding.
        most: Frames of the longest padding.
        value: The value of all padding.
    """

    n_mels: int
    most: int
    value: float

    def __str__(self) -> str:
        return f"{self.n_mels} of its mels end in up to {self.most} frames of {self.value:g}"


def padding_of(mels: Mel) -> Padding | None:
    """The padding of a batch; None if none is evident.

    Padding is frames of one value in all bands, the same value in all mels and in unequal numbers.
    Digital silence at the ends of sounds of one length cannot be told from it.
    """
    counts = [_n_equal(mel) for mel in mels]
    padded = [(n, mel[0, -1].item()) for n, mel in zip(counts, mels, strict=True) if n >= LEAST]
    values = {value for _, value in padded}
    if len(set(counts)) == 1 or len(values) != 1:
        return None
    return Padding(len(padded), max(n for n, _ in padded), values.pop())


def _n_equal(mel: Tensor) -> int:
    """Number of frames of one value at the end of a mel; 0 if it is all of one value."""
    alike = (mel == mel[:1, -1:]).all(0).flip(0)
    n = int(alike.long().cumprod(0).sum())
    return 0 if n == len(alike) else n

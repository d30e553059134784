"""Mels of different lengths, grouped so that those of one length are made together."""

from collections.abc import Iterator, Sequence
from operator import index
from typing import TypeAlias

from jaxtyping import Int
from torch import Tensor

from audiodiff.errors import AudiodiffError

Lengths: TypeAlias = Sequence[int] | Int[Tensor, " batch"]
"""The number of frames of each of several mels."""


def checked_lengths(mels: Sequence[Tensor] | Tensor, lengths: Lengths | None) -> list[int]:
    """The number of frames of each mel that count.

    Args:
        mels: (n_mels, frames) each, or a padded (batch, n_mels, frames).
        lengths: Number of frames of each mel; all if None.

    Raises:
        AudiodiffError: If there is another number of lengths, or one does not fit its mel.
    """
    if lengths is None:
        return [mel.shape[-1] for mel in mels]
    if len(lengths) != len(mels):
        raise AudiodiffError(f"lengths holds {len(lengths)} numbers for {len(mels)} mels")
    try:
        counted = [index(n) for n in lengths]
    except TypeError as error:
        raise AudiodiffError("lengths holds numbers that are not whole; give frames") from error
    for i, (mel, n) in enumerate(zip(mels, counted, strict=True)):
        if not 1 <= n <= mel.shape[-1]:
            raise AudiodiffError(
                f"lengths[{i}]={n} but mel {i} has {mel.shape[-1]} frames; lengths count frames"
            )
    return counted


def by_length(lengths: Sequence[int], batch_size: int) -> Iterator[tuple[int, list[int]]]:
    """Each length with the places that have it, at most ``batch_size`` together.

    >>> list(by_length([5, 3, 5, 5], 2))
    [(3, [1]), (5, [0, 2]), (5, [3])]
    """
    for n in sorted(set(lengths)):
        equal = [i for i, length in enumerate(lengths) if length == n]
        for first in range(0, len(equal), batch_size):
            yield n, equal[first : first + batch_size]

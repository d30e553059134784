"""Mels as callers hand them over: tensors, arrays and lists, of the model's preset or another."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor

from audiodiff._types import MelPiece
from audiodiff.errors import AudiodiffError
from audiodiff.mel.check import check_layout, check_mel
from audiodiff.mel.conversion import conversion_to, source_of
from audiodiff.mel.files import FLOATS
from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.own import OwnMel, own_mel
from audiodiff.mel.padding import padding_of
from audiodiff.mel.verdict import verdict
from audiodiff.pipelines.lengths import Lengths, checked_lengths

Array: TypeAlias = Shaped[np.ndarray, "..."]

GivenMel: TypeAlias = Tensor | Array | Sequence[Tensor] | Sequence[Array]
"""A batch of mels, (batch, n_mels, frames), or a list of (n_mels, frames)."""


def as_tensor(mel: Tensor | Array, name: str) -> Tensor:
    """A tensor or an array as a tensor.

    Args:
        mel: The mel.
        name: Name of the argument, for messages.

    Raises:
        AudiodiffError: If it is neither, or an array of anything but floats.
    """
    if isinstance(mel, Tensor):
        return mel
    if not isinstance(mel, np.ndarray):
        raise AudiodiffError(
            f"{name} holds a {type(mel).__name__}; give tensors or arrays of (n_mels, frames)"
        )
    if mel.dtype.name not in FLOATS:
        raise AudiodiffError(f"{name} is {mel.dtype.name}; give floats in the preset's units")
    return torch.from_numpy(np.array(mel, mel.dtype.newbyteorder("=")))


def taken(mel: GivenMel, target: MelConfig, preset: str | None, force: bool) -> OwnMel:
    """A batch of mels as a model takes it, with a warning if it is converted inexactly.

    Args:
        mel: The mels.
        target: The model's mel.
        preset: Name of the given mels' preset; None for the model's own.
        force: Whether to take a mel whose values look like those of another preset or scale.

    Raises:
        AudiodiffError: If the mel is of another layout, preset or scale, or holds NaN.
    """
    whole = _batch(mel)
    if whole.ndim != 3:
        raise AudiodiffError(
            f"mel has shape {tuple(whole.shape)} but must be (batch, n_mels, frames); "
            f"give {'a single mel as mel[None]' if whole.ndim == 2 else 'each as (n_mels, frames)'}"
        )
    own = own_mel(whole, target, preset, "mel", force)
    if own.doubt:
        warnings.warn(own.doubt, stacklevel=5)
    if preset is not None and (remark := conversion_to(target, preset).remark()):
        warnings.warn(remark, stacklevel=5)
    return own


def taken_batch(
    mels: GivenMel, lengths: Lengths | None, target: MelConfig, preset: str | None, force: bool
) -> list[Tensor]:
    """Mels of a batch, (n_mels, frames) each, cut to their lengths and judged together.

    Args:
        mels: (n_mels, frames) each, or a padded (batch, n_mels, frames).
        lengths: Number of frames of each; all if None.
        target: The model's mel.
        preset: Name of the given mels' preset; None for the model's own.
        force: Whether to take mels whose values look like those of another preset or scale.

    Raises:
        AudiodiffError: If a length does not fit its mel, the preset is unknown, or the mels are of
            another layout, preset or scale.
    """
    items = [as_tensor(mel, "mels") for mel in mels]
    counts = checked_lengths(items, lengths)
    if lengths is None and len({mel.shape for mel in items}) == 1:
        _warn_of_padding(torch.stack(items), "lengths")
    whole = [mel[..., :n] for mel, n in zip(items, counts, strict=True)]
    source = source_of(target, preset)
    said = None
    if not force and len(whole) > 1:
        said = verdict([check_layout(mel, source, "mels")[0] for mel in whole], source)
    if said is None:
        return whole
    if said.certain:
        raise AudiodiffError(said.about("mels"))
    warnings.warn(said.about("mels"), stacklevel=3)
    return whole


def _warn_of_padding(mels: Tensor, remedy: str) -> None:
    """Warns of a batch that is padded, as its padding would sound."""
    if mels.ndim == 3 and (padding := padding_of(mels)):
        warnings.warn(
            f"the batch looks padded: {padding}; give {remedy}, the number of frames of each mel, "
            "so that padding is left out",
            stacklevel=4,
        )


def taken_pieces(
    mels: Iterable[Tensor] | Iterable[Array], target: MelConfig, device: torch.device
) -> Iterator[MelPiece]:
    """Pieces of mels in a model's own preset, on its device; pieces without frames are dropped.

    Raises:
        AudiodiffError: If a piece is of another layout or range, or holds NaN.
    """
    for mel in mels:
        piece = as_tensor(mel, "mel")
        if piece.shape[-1]:
            yield check_mel(piece, target, "mel").to(device, torch.float32)


def as_batch(mels: GivenMel) -> Tensor:
    """Mels of one shape as a tensor, with a warning if they are padded.

    Raises:
        AudiodiffError: If they are of several shapes, or something else.
    """
    batch = _batch(mels)
    _warn_of_padding(batch, "it to `vocoder.batch` with lengths")
    return batch


def _batch(mels: GivenMel) -> Tensor:
    if isinstance(mels, Tensor | np.ndarray):
        return as_tensor(mels, "mel")
    if not isinstance(mels, list | tuple):
        raise AudiodiffError(
            f"mel is a {type(mels).__name__}; give a tensor or an array, (batch, n_mels, frames)"
        )
    items = [as_tensor(mel, "mel") for mel in mels]
    shapes = {tuple(item.shape) for item in items}
    if len(shapes) != 1:
        raise AudiodiffError(
            f"mel is a list of {len(items)} mels of {len(shapes)} shapes; give mels of different "
            "lengths to `vocoder.batch`"
        )
    return torch.stack(items)

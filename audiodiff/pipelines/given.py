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
from audiodiff.mel.check import check_mel
from audiodiff.mel.conversion import conversion_to
from audiodiff.mel.files import FLOATS
from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.own import OwnMel, own_mel

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
    whole = as_tensor(mel, "mel") if isinstance(mel, Tensor | np.ndarray) else _batch(mel)
    if whole.ndim != 3:
        raise AudiodiffError(
            f"mel has shape {tuple(whole.shape)} but must be (batch, n_mels, frames); "
            f"give {'a single mel as mel[None]' if whole.ndim == 2 else 'each as (n_mels, frames)'}"
        )
    own = own_mel(whole, target, preset, "mel", force)
    if preset is not None and (remark := conversion_to(target, preset).remark()):
        warnings.warn(remark, stacklevel=5)
    return own


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


def _batch(mels: Sequence[Tensor] | Sequence[Array]) -> Tensor:
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

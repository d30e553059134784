"""Sound brought to another rate, whole or in pieces."""

from collections.abc import Iterator

import numpy as np
import torch

from audiodiff._types import WavePiece
from audiodiff.audio import io


def resampled(wave: WavePiece, rate: int, wanted: int) -> WavePiece:
    """The wave at another rate in Hz, on its device."""
    if rate == wanted:
        return wave
    items = [io.resample(item, rate, wanted) for item in wave.cpu().numpy()]
    return torch.from_numpy(np.stack(items)).to(wave.device)


def resampled_pieces(
    pieces: Iterator[WavePiece], rate: int, wanted: int, device: torch.device
) -> Iterator[WavePiece]:
    """The pieces of a wave at another rate in Hz, on a device."""
    if rate == wanted:
        return pieces
    parts = io.resampled((piece.cpu().numpy() for piece in pieces), rate, wanted)
    return (torch.from_numpy(np.ascontiguousarray(part)).to(device) for part in parts)

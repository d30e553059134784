"""Short-time Fourier frames.

Padding is a separate step, so that the frames of a long wave can be computed in blocks: frame
``m`` holds samples ``m * hop_length ... m * hop_length + n_fft - 1`` of the padded wave, whichever
block it falls into.
"""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from audiodiff._types import Wave

Framing: TypeAlias = Literal["centred", "exact"]
"""Position of frame 0: its middle is sample 0, or the middle of the first hop."""

PadMode: TypeAlias = Literal["reflect", "zeros"]
"""Content before the first sample and after the last."""

WindowKind: TypeAlias = Literal["periodic", "symmetric"]
"""A Hann window of period ``win_length``, or one whose first and last sample are both zero."""

Padded: TypeAlias = Float[Tensor, "batch padded"]
"""A wave with `pad`'s samples on either side."""

# Frames times n_fft in one block: 16 MiB of float32, small beside a model and large enough for
# the loop to cost nothing.
_BLOCK_SAMPLES = 2**22


def padding(n_fft: int, hop_length: int, framing: Framing) -> int:
    """Samples to add on either side: n_fft / 2 or, for exact framing, (n_fft - hop_length) / 2.

    >>> padding(1024, 256, "centred"), padding(1024, 256, "exact")
    (512, 384)
    """
    return n_fft // 2 if framing == "centred" else (n_fft - hop_length) // 2


def n_frames(n_samples: int, n_fft: int, hop_length: int, framing: Framing) -> int:
    """Number of frames of a wave; with exact framing, ``n_samples // hop_length``.

    (The latter requires that ``n_fft - hop_length`` is even.)

    >>> n_frames(22050, 1024, 256, "centred"), n_frames(22050, 1024, 256, "exact")
    (87, 86)
    """
    padded = n_samples + 2 * padding(n_fft, hop_length, framing)
    return max(0, (padded - n_fft) // hop_length + 1)


def pad(wave: Wave, n_padding: int, mode: PadMode) -> Padded:
    """Adds samples on either side.

    Reflection does not repeat the edge sample. It joins flipped pieces, because the gradient of
    torch's own reflection is not deterministic on a GPU.

    Args:
        wave: Wave to pad, (batch, samples), longer than ``n_padding`` for reflection.
        n_padding: Number of samples to add on either side.
        mode: Content of the padding.
    """
    if mode == "zeros":
        return torch.nn.functional.pad(wave, (n_padding, n_padding))
    before = wave[:, 1 : n_padding + 1].flip(-1)
    after = wave[:, wave.shape[-1] - n_padding - 1 : -1].flip(-1)
    return torch.cat((before, wave, after), dim=-1)


def hann(win_length: int, n_fft: int, kind: WindowKind) -> Float[Tensor, " n_fft"]:
    """A Hann window of ``win_length`` samples in the middle of ``n_fft``, zero around it."""
    window = torch.hann_window(win_length, periodic=kind == "periodic", dtype=torch.float64)
    left = (n_fft - win_length) // 2
    return torch.nn.functional.pad(window, (left, n_fft - win_length - left)).float()


def stft(
    padded: Padded, window: Float[Tensor, " n_fft"], hop_length: int
) -> Complex[Tensor, "batch bins frames"]:
    """The Fourier transform of every whole frame of a padded wave.

    Args:
        padded: Padded wave, (batch, padded), at least ``n_fft`` samples long.
        window: Window as long as the transform, see `hann`.
        hop_length: Samples between frames.
    """
    n_fft = window.shape[0]
    return torch.stft(padded, n_fft, hop_length, window=window, center=False, return_complex=True)


def blocks(padded: Padded, n_fft: int, hop_length: int) -> Iterator[Padded]:
    """Cuts a padded wave so that the blocks' frames, in order, are the frames of the whole.

    Args:
        padded: Padded wave, (batch, padded), at least ``n_fft`` samples long.
        n_fft: Samples in a frame; consecutive blocks overlap by ``n_fft - hop_length``.
        hop_length: Samples between frames.
    """
    batch, n_samples = padded.shape
    total = (n_samples - n_fft) // hop_length + 1
    size = max(1, _BLOCK_SAMPLES // (batch * n_fft))
    for first in range(0, total, size):
        last = min(first + size, total) - 1
        yield padded[:, first * hop_length : last * hop_length + n_fft]


def overlap_add(
    spectrum: Complex[Tensor, "batch bins frames"],
    window: Float[Tensor, " n_fft"],
    hop_length: int,
    n_padding: int,
    length: int,
) -> Wave:
    """The least-squares inverse of `stft`: windowed frames, added and divided by the windows.

    Args:
        spectrum: Spectrum as `stft` returns it.
        window: Window that the spectrum was computed with.
        hop_length: Samples between frames.
        n_padding: Number of samples added before the wave, which are cut off again.
        length: Length of the wave in samples.
    """
    pieces = torch.fft.irfft(spectrum.transpose(1, 2), window.shape[0]) * window
    weights = window.square().expand(1, *pieces.shape[1:])
    wave, weight = _added(pieces, hop_length), _added(weights, hop_length)
    return (wave / weight.clamp(min=1e-8)).narrow(1, n_padding, length)


def _added(pieces: Float[Tensor, "batch frames n_fft"], hop_length: int) -> Wave:
    """The sum of overlapping pieces, each ``hop_length`` samples after the one before."""
    batch, n_frames, n_fft = pieces.shape
    n_hops = -(-n_fft // hop_length)
    pieces = torch.nn.functional.pad(pieces, (0, n_hops * hop_length - n_fft))
    wave = pieces.new_zeros(batch, n_frames + n_hops - 1, hop_length)
    # A few long additions: torch's fold is many times slower on a CPU.
    for i, part in enumerate(pieces.split(hop_length, -1)):
        wave[:, i : i + n_frames] += part
    return wave.flatten(1)


def silence_around(wave: Wave, n_fft: int, hop_length: int, n_padding: int) -> Padded:
    """Adds zeros on either side, so that the wave has ``samples / hop_length`` frames.

    Args:
        wave: Wave to pad, (batch, samples), a whole number of hops long.
        n_fft: Samples in a frame.
        hop_length: Samples between frames.
        n_padding: Number of zeros before the wave.
    """
    return torch.nn.functional.pad(wave, (n_padding, n_fft - hop_length - n_padding))


Gain = Float[Tensor, "batch bins frames"]
"""One number per frequency and frame."""

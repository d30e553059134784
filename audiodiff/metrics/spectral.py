"""Distances between spectra, mel spectra and mel cepstra; all are 0 for the identity.

None aligns the waves in time, because a resynthesis keeps the time axis of its reference.
"""

import math

import numpy as np
import torch
from jaxtyping import Float64

from audiodiff.audio.io import resample
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.presets import PRESETS
from audiodiff.metrics.libraries import library
from audiodiff.metrics.pairs import Samples, below_speech_limits, check_pair, too_short
from audiodiff.metrics.pitch import f0_track

MCEP_ORDER = 24
"""The highest mel-cepstral coefficient that `mcd` compares."""


def multi_resolution_stft(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """Spectral convergence plus log-magnitude distance (Yamamoto et al. 2019, arXiv:1910.11480).

    ``mean over resolutions of ||S_r - S_e||_F / ||S_r||_F + mean |ln S_r - ln S_e|`` for magnitudes
    S of windows of 600, 1200 and 240 samples, at the pair's own rate: compare only figures of one
    sample rate. It is auraloss's loss with its defaults, of (estimate, reference), which BigVGAN
    and papers after it report as M-STFT.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The distance, or NaN for a silent reference, by which it would divide, or a clip under
        0.25 s.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `eval` extra is missing.
    """
    check_pair(reference, estimate)
    auraloss_freq = library("auraloss.freq")
    if too_short(reference, sample_rate) or not reference.any():
        return math.nan
    distance = auraloss_freq.MultiResolutionSTFTLoss()
    target, given = (
        torch.from_numpy(np.asarray(wave, np.float32))[None, None] for wave in (reference, estimate)
    )
    return float(distance(given, target))


def log_mel_mae(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """Mean absolute difference of log-mel spectrograms, in nepers (1 neper is 8.686 dB).

    ``mean |m_r - m_e|`` for the natural-log 80-band mel of the preset ``hifigan``, after
    resampling to its 22.05 kHz.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The distance, or NaN for a clip under 0.25 s or 4000 Hz.

    Raises:
        AudiodiffError: If the pair cannot be compared.
    """
    check_pair(reference, estimate)
    if below_speech_limits(reference, sample_rate):
        return math.nan
    preset = PRESETS["hifigan"]
    log_mel = LogMel(preset)
    reference_mel, estimate_mel = (
        log_mel(
            torch.from_numpy(
                resample(np.asarray(wave, np.float32), sample_rate, preset.sample_rate)
            )[None]
        )
        for wave in (reference, estimate)
    )
    return float((reference_mel - estimate_mel).abs().mean())


def mcd(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """Mel-cepstral distortion in dB (Kubichek 1993), without c_0, so that gain does not count.

    ``mean over frames of (10 / ln 10) sqrt(2 sum_{m=1}^{24} (c_m^r - c_m^e)^2)`` where ``ln |H| =
    sum_m c_m cos(m w)`` on a mel axis from 40 Hz to half the sample rate (at most 20 kHz), H being
    the envelope that WORLD's CheapTrick finds every 5 ms from the signal's own F0. All frames
    count, silence included. The axis follows the rate: compare only figures of one sample rate.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The distortion, or NaN for a clip under 0.25 s or 4000 Hz.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `eval` extra is missing.
    """
    check_pair(reference, estimate)
    if below_speech_limits(reference, sample_rate):
        return math.nan
    difference = _mel_cepstrum(reference, sample_rate) - _mel_cepstrum(estimate, sample_rate)
    # WORLD's coefficients are of ln |H|^2 in an orthonormal basis, w_m = sqrt(2) c_m for m > 0, so
    # their squares already hold the formula's factor 2.
    per_frame = np.sqrt(np.sum(difference[:, 1:] ** 2, axis=1))
    return float(10 / math.log(10) * per_frame.mean())


def _mel_cepstrum(wave: Samples, sample_rate: int) -> Float64[np.ndarray, "frames order_and_gain"]:
    pyworld = library("pyworld")
    f0, times = f0_track(wave, sample_rate)
    samples = np.ascontiguousarray(wave, dtype=np.float64)
    envelope = pyworld.cheaptrick(samples, f0, times, sample_rate)
    return pyworld.code_spectral_envelope(envelope, sample_rate, MCEP_ORDER + 1)

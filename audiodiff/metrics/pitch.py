"""The fundamental frequency: its error, and whether voicing agrees."""

import math

import numpy as np
from jaxtyping import Bool, Float64

from audiodiff.metrics.libraries import library
from audiodiff.metrics.pairs import Samples, below_speech_limits, check_pair


def f0_track(
    wave: Samples, sample_rate: int
) -> tuple[Float64[np.ndarray, " frames"], Float64[np.ndarray, " frames"]]:
    """F0 in Hz every 5 ms, 0 where unvoiced, and the frames' times in seconds.

    WORLD's DIO from 71 to 800 Hz, refined by StoneMask (Morise et al. 2016). Harvest is not used:
    it calls most of a recording voiced, and then scatters by semitones under faint noise.

    Args:
        wave: One channel.
        sample_rate: Sample rate in Hz.

    Raises:
        AudiodiffError: If the `eval` extra is missing.
    """
    pyworld = library("pyworld")
    samples = np.ascontiguousarray(wave, dtype=np.float64)
    coarse, times = pyworld.dio(samples, sample_rate)
    return pyworld.stonemask(samples, coarse, times, sample_rate), times


def f0_mae(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """Mean absolute error of F0, in cents.

    ``mean(|1200 log2(f0_estimate / f0_reference)|)`` over the frames that are voiced in both,
    octave errors included. It is not squared: the tracker's few octave jumps would then be all
    that it shows.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The error, or NaN if no frame is voiced in both, or for a clip under 0.25 s or 4000 Hz.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `eval` extra is missing.
    """
    truth, found = _tracks(reference, estimate, sample_rate)
    both = (truth > 0) & (found > 0)
    if not both.any():
        return math.nan
    cents = 1200 * np.log2(found[both] / truth[both])
    return float(np.mean(np.abs(cents)))


def voicing_f1(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """F1 score of voicing decisions, the reference's being the truth; 1 for the identity.

    ``2 TP / (2 TP + FP + FN)`` over all frames.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The score, or NaN if no frame is voiced in either, or for a clip under 0.25 s or 4000 Hz.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `eval` extra is missing.
    """
    truth, found = _tracks(reference, estimate, sample_rate)
    return f1(truth > 0, found > 0)


def f1(truth: Bool[np.ndarray, " frames"], found: Bool[np.ndarray, " frames"]) -> float:
    """``2 TP / (2 TP + FP + FN)`` of decisions about frames; NaN if none is positive in either."""
    n_positive = truth.sum() + found.sum()
    return float(2 * (truth & found).sum() / n_positive) if n_positive else math.nan


def _tracks(
    reference: Samples, estimate: Samples, sample_rate: int
) -> tuple[Float64[np.ndarray, " frames"], Float64[np.ndarray, " frames"]]:
    """F0 of both; no frames for a clip that is too short."""
    check_pair(reference, estimate)
    if below_speech_limits(reference, sample_rate):
        return np.zeros(0), np.zeros(0)
    truth, _ = f0_track(reference, sample_rate)
    found, _ = f0_track(estimate, sample_rate)
    return truth, found

"""The fundamental frequency: how far it is off, and whether voicing agrees."""

import math

import numpy as np
from jaxtyping import Float64

from audiodiff.metrics._shared import Samples, check_pair, library, too_short


def f0_track(
    wave: Samples, sample_rate: int
) -> tuple[Float64[np.ndarray, " frames"], Float64[np.ndarray, " frames"]]:
    """F0 in Hz every 5 ms, 0 where unvoiced, and the frames' times in seconds.

    WORLD's DIO from 71 to 800 Hz, refined by StoneMask (Morise et al. 2016). DIO and not Harvest,
    which calls most of a recording voiced and then scatters by semitones under faint noise.

    Args:
        wave: One channel.
        sample_rate: In Hz.

    Raises:
        AudiodiffError: If the `eval` extra is missing.
    """
    pyworld = library("pyworld")
    samples = np.ascontiguousarray(wave, dtype=np.float64)
    coarse, times = pyworld.dio(samples, sample_rate)
    return pyworld.stonemask(samples, coarse, times, sample_rate), times


def pitch_scores(reference: Samples, estimate: Samples, sample_rate: int) -> tuple[float, float]:
    """The mean absolute error of F0 in cents, and the F1 of voicing decisions.

    ``f0_mae = mean(|1200 log2(f0_estimate / f0_reference)|)`` over the frames that are voiced in
    both, octave errors included; not squared, or the tracker's few octave jumps would be all that
    it shows. ``voicing_f1 = 2 TP / (2 TP + FP + FN)`` over all frames, the reference's voicing
    being the truth.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Of both, in Hz.

    Returns:
        ``(f0_mae, voicing_f1)``. The first is NaN if no frame is voiced in both, the second if no
        frame is voiced in either; both are for a clip under 0.25 s.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `eval` extra is missing.
    """
    check_pair(reference, estimate)
    if too_short(reference, sample_rate):
        return math.nan, math.nan
    truth, _ = f0_track(reference, sample_rate)
    found, _ = f0_track(estimate, sample_rate)
    both = (truth > 0) & (found > 0)
    n_voiced = np.count_nonzero(truth) + np.count_nonzero(found)
    voicing_f1 = float(2 * both.sum() / n_voiced) if n_voiced else math.nan
    if not both.any():
        return math.nan, voicing_f1
    cents = 1200 * np.log2(found[both] / truth[both])
    return float(np.mean(np.abs(cents))), voicing_f1

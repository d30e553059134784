"""The noise that a vocoder leaves where the recording is quiet."""

import math

import numpy as np
from jaxtyping import Float64

from audiodiff.metrics.pairs import Samples, below_speech_limits, check_pair

BLOCK_SECONDS = 0.01
"""Seconds between frames, each of which is two blocks."""

DEPTH_DB = 35
"""Decibels by which a silence lies below the reference's loudest frame."""

GUARD_FRAMES = 3
"""Frames on either side of a silent one that must be quiet too."""

FLOOR_DBFS = -90.0
"""The lowest level; one step of 16-bit samples is -90.3 dBFS."""

MIN_FRAMES = 5
"""The fewest silent frames that a mean is taken over."""


def silence_noise(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """Level of the estimate in the reference's silences above the reference's own, in dB.

    ``mean over silent frames of L_e - L_r``, where ``L = max(20 log10 RMS, -90 dBFS)`` of frames of
    20 ms every 10 ms. Positive: the estimate hisses; negative: it is cleaner than the recording.
    The mean is taken over levels, so that no single breath or click decides it.

    A frame is silent if it and the three on either side lie 35 dB below the reference's loudest or
    at the floor. The sounds of speech span 28 dB (Fletcher 1953), and the room noise of ordinary
    recordings lies 40 to 50 dB below their loudest frames: at 40 dB, ESTOI's threshold, half of
    the clips of such voices would have no silence. The guard keeps 30 ms between a silent frame
    and any louder sound, more than half the usual window of a mel (23 ms), so that an onset or a
    decay that a window smears does not count. The floor is the lowest level of 16-bit files:
    digital silence is -90 dBFS, not minus infinity.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The difference, or NaN for fewer than 5 silent frames or a clip under 0.25 s or 4000 Hz.

    Raises:
        AudiodiffError: If the pair cannot be compared.
    """
    check_pair(reference, estimate)
    if below_speech_limits(reference, sample_rate):
        return math.nan
    own, made = (_levels(wave, sample_rate) for wave in (reference, estimate))
    quiet = own <= max(own.max() - DEPTH_DB, FLOOR_DBFS)
    padded = np.pad(quiet, GUARD_FRAMES, constant_values=True)
    silent = np.lib.stride_tricks.sliding_window_view(padded, 2 * GUARD_FRAMES + 1).all(axis=1)
    if np.count_nonzero(silent) < MIN_FRAMES:
        return math.nan
    return float(np.mean((made - own)[silent]))


def _levels(wave: Samples, sample_rate: int) -> Float64[np.ndarray, " frames"]:
    """RMS of every two neighbouring blocks, in dBFS."""
    n = round(BLOCK_SECONDS * sample_rate)
    blocks = wave[: len(wave) // n * n].reshape(-1, n)
    power = np.einsum("bn,bn->b", blocks, blocks, dtype=np.float64)
    mean_square = (power[:-1] + power[1:]) / (2 * n)
    return 10 * np.log10(np.maximum(mean_square, 10 ** (FLOOR_DBFS / 10)))

"""Clipped sound: the tops that a full scale cut off, found and restored."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from audiodiff.audio.prediction import Samples, burg
from audiodiff.audio.reader import SoundReader
from audiodiff.errors import AudiodiffError

FLAT, TOPS = 3, 3
"""Equal samples of a clipped top at least, and such tops of a clipped channel at least."""

SOFTEST = 0.01
"""The least level of full scale at which sound can have been clipped; rounding flattens less."""

ORDER_SECONDS, TURNS = 0.0025, 3
"""Length of the linear prediction, and how often it is fitted to what it restored.

It is shorter than a voice's period, from whose repetitions it would learn the clipped shape.
"""

PIECE_SECONDS, MAX_PIECE = 0.03, 1024
"""Length of what is restored at once, and the most samples of it; time grows with their cube."""

_BLOCK_SECONDS = 30.0


class Levels(NamedTuple):
    """The levels at which a channel was clipped; infinite where it was not.

    Attributes:
        low: The lowest sample.
        high: The highest sample.
    """

    low: float
    high: float

    def lost(self, wave: Samples) -> Bool[np.ndarray, " _"]:
        """Which samples are at a level, and so may have been beyond it."""
        found: Bool[np.ndarray, " _"] = (wave <= self.low) | (wave >= self.high)
        return found


class Restored(NamedTuple):
    """Samples of one channel that were restored.

    Attributes:
        channel: The channel, counted from 0.
        places: Their places in the file, rising.
        wave: The samples.
    """

    channel: int
    places: Int64[np.ndarray, " n"]
    wave: Float64[np.ndarray, " n"]


def clip_levels(sound: SoundReader) -> list[Levels]:
    """The levels at which each channel of a recording was clipped.

    The highest sample is such a level if the wave stays at it, for `FLAT` samples or more, at
    `TOPS` places or more; and likewise the lowest.

    Args:
        sound: An open file.

    Raises:
        AudiodiffError: If it holds NaN or infinity.
    """
    low, high = np.full(sound.n_channels, np.inf), np.full(sound.n_channels, -np.inf)
    n_low, n_high = np.zeros(sound.n_channels, int), np.zeros(sound.n_channels, int)
    for _, wave in _blocks(sound, 0):
        if not np.isfinite(wave).all():
            raise AudiodiffError(f"{sound.path} holds NaN or infinity; mend what made it")
        lowest, highest = np.minimum(low, wave.min(0)), np.maximum(high, wave.max(0))
        n_low = np.where(lowest < low, 0, n_low) + _n_flat(wave == lowest)
        n_high = np.where(highest > high, 0, n_high) + _n_flat(wave == highest)
        low, high = lowest, highest
    return [
        Levels(
            float(low[c]) if n_low[c] >= TOPS and low[c] <= -SOFTEST else -np.inf,
            float(high[c]) if n_high[c] >= TOPS and high[c] >= SOFTEST else np.inf,
        )
        for c in range(sound.n_channels)
    ]


def restorations(sound: SoundReader, levels: Sequence[Levels]) -> Iterator[tuple[Restored, int]]:
    """Restores what was clipped of a recording, half a minute at a time.

    Args:
        sound: An open file.
        levels: The levels of each channel.

    Yields:
        What was restored of a channel in a part of the file, and where that part ends.
    """
    margin = round(PIECE_SECONDS * sound.sample_rate)
    for start, block in _blocks(sound, margin):
        before = min(start, margin)
        end = min(len(block) - before, round(_BLOCK_SECONDS * sound.sample_rate))
        for channel, level in enumerate(levels):
            wave = block[:, channel].astype(np.float64)
            made = declipped(wave, level, sound.sample_rate)
            own = slice(before, before + end)
            places = np.flatnonzero(level.lost(wave[own]))
            yield Restored(channel, start + places, made[own][places]), start + end


def declipped(wave: Samples, levels: Levels, sample_rate: int) -> Samples:
    """A wave with what was clipped restored.

    The lost samples are those that linear prediction, fitted to the wave around them, expects
    least-squares error of (A. Janssen, R. Veldhuis and L. Vries, Adaptive Interpolation of
    Discrete-Time Signals That Can Be Modeled as Autoregressive Processes, 1986), but never within
    the levels, beyond which they were.

    Args:
        wave: The wave.
        levels: The levels at which it was clipped.
        sample_rate: Its sample rate in Hz.
    """
    made, lost = wave.copy(), levels.lost(wave)
    n_context = round(PIECE_SECONDS * sample_rate)
    n = min(n_context, MAX_PIECE)
    for start in range(0, len(wave), n):
        places = start + np.flatnonzero(lost[start : start + n])
        if len(places):
            first = max(0, start - n_context)
            order = round(ORDER_SECONDS * sample_rate)
            _restore(made[first : start + n + n_context], places - first, levels, order)
    return made


def _restore(wave: Samples, places: Int64[np.ndarray, " n"], levels: Levels, order: int) -> None:
    """Restores the samples at some places of a wave, in place, by prediction of an order."""
    is_high = wave[places] >= levels.high
    distances = np.abs(places[:, None] - places)
    order = min(order, len(wave) // 3)
    for _ in range(TURNS):
        error = np.concatenate([[1.0], -burg(wave, order)])
        # With e * x the errors of prediction, sum |e * x|^2 is quadratic in x with these weights.
        weights = np.correlate(error, error, "full")
        near = distances <= order
        matrix = np.where(near, weights[order + np.where(near, distances, 0)], 0.0)
        matrix[np.diag_indices(len(places))] *= 1 + 1e-9
        wave[places] = 0.0
        expected = np.linalg.solve(matrix, -np.convolve(wave, weights, "same")[places])
        wave[places] = np.where(
            is_high, np.maximum(expected, levels.high), np.minimum(expected, levels.low)
        )


def _blocks(
    sound: SoundReader, margin: int
) -> Iterator[tuple[int, Float32[np.ndarray, "samples channels"]]]:
    """The first sample of each block, and its samples with a margin of others on either side."""
    size = round(_BLOCK_SECONDS * sound.sample_rate)
    for start in range(0, sound.n_samples, size):
        first = max(0, start - margin)
        last = min(sound.n_samples, start + size + margin)
        yield start, sound.read(first, last - first, "float32")


def _n_flat(is_top: Bool[np.ndarray, "samples channels"]) -> Int64[np.ndarray, " channels"]:
    """Number of runs of `FLAT` samples or more, of each channel."""
    padded = np.pad(is_top, ((1, 1), (0, 0))).astype(np.int8)
    runs = []
    for channel in padded.T:
        edges = np.flatnonzero(np.diff(channel)).reshape(-1, 2)
        runs.append(np.count_nonzero(edges[:, 1] - edges[:, 0] >= FLAT))
    return np.array(runs)

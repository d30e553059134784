"""Dropouts: stretches of a recording that were lost and hold one value, such as zero."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32

from audiodiff.audio.reader import SoundReader

SHORTEST = 0.002
"""Seconds of the shortest dropout; within sound, fewer equal samples may come by chance."""

LONGEST, LONGEST_IN_PAUSE = 1.0, 0.2
"""Seconds of the longest dropout, and of the longest next to sound softer than `SOFT`.

A longer stretch is the recording's own silence, such as a noise gate leaves between sentences.
"""

SOFT = 10 ** (-45 / 20)
"""Deviation of the sound of a pause, of full scale."""

NEXT, AROUND = 0.005, 0.02
"""Seconds of sound on either side: right next to a dropout, and all that is compared."""

FADED = 3.0
"""How many times softer the sound next to a silence is if it fades into it."""

STEPS, LEAST = 3.0, 1e-4
"""The least deviation of that sound, in steps of the recording's depth, and of full scale."""

ALIVE = 0.25
"""The least share of samples around that differ from those before them; a click has fewer."""

_BLOCK_SECONDS = 60.0

Samples = Float32[np.ndarray, "samples channels"]


def dropouts(sound: SoundReader) -> Iterator[tuple[float, float]]:
    """Finds runs of one value in all channels, between sounds that end and begin abruptly.

    Yields:
        Start and end of each in seconds, in order.

    Args:
        sound: An open file, of which a minute is in memory at a time.
    """
    rate = sound.sample_rate
    margin, block = round((LONGEST + 2 * AROUND) * rate), round(_BLOCK_SECONDS * rate)
    for start in range(0, sound.n_samples, block):
        first = max(0, start - margin)
        n = min(sound.n_samples, start + block + margin) - first
        wave = sound.read(first, n, "float32")
        changes = np.abs(np.diff(wave, axis=0))
        step = float(changes.min(where=changes > 0, initial=1.0))
        for low, high in _held(np.all(changes == 0, axis=1), rate):
            inside = start <= first + low < start + block
            if inside and _is_dropout(wave, low, high, rate, max(LEAST, STEPS * step)):
                yield (first + low) / rate, (first + high) / rate


def _held(equal: Bool[np.ndarray, " _"], rate: int) -> Iterator[tuple[int, int]]:
    """The first sample of each run of a dropout's length, and the one after its last.

    Args:
        equal: Whether each sample but the first equals the one before it.
        rate: Sample rate in Hz.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]])))
    for low, high in edges.reshape(-1, 2):
        if SHORTEST * rate <= high + 1 - low <= LONGEST * rate:
            yield int(low), int(high) + 1


def _is_dropout(wave: Samples, low: int, high: int, rate: int, least: float) -> bool:
    """Whether a run of one value cuts into sound."""
    n, n_next = max(2, round(AROUND * rate)), max(2, round(NEXT * rate))
    sides = wave[max(0, low - n) : low][::-1], wave[high : high + n]
    for side in sides:
        if len(side) < n_next:
            return False
        level = np.std(side[:n_next], axis=0).max()
        if level < max(least, np.std(side, axis=0).max() / FADED):
            return False
        if level < SOFT and high - low > LONGEST_IN_PAUSE * rate:
            return False
        if np.any(np.diff(side, axis=0) != 0, axis=1).mean() < ALIVE:
            return False
    around = np.concatenate(sides)
    # The top of a clipped wave is beyond what is around it.
    return bool(np.any((around.min(0) < wave[low]) & (wave[low] < around.max(0))))

"""Dropouts: stretches of a recording that were lost and hold zeros."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32

from audiodiff.audio.reader import SoundReader

SHORTEST = 0.002
"""Seconds of the shortest dropout; within sound, fewer zeros may come by chance."""

LONGEST = 1.0
"""Seconds of the longest dropout; a longer stretch is a pause."""

AROUND = 0.005
"""Seconds of sound on either side by which a dropout is told from a pause."""

LEAST = 10 ** (-45 / 20)
"""The least level of that sound, RMS of full scale; into a pause, sound fades."""

_BLOCK_SECONDS = 60.0


def dropouts(sound: SoundReader) -> Iterator[tuple[float, float]]:
    """Finds runs of zeros in all channels, between sounds that begin and end abruptly.

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
        for low, high in _zeros(np.all(wave == 0, axis=1), rate):
            if start <= first + low < start + block and _is_abrupt(wave, low, high, rate):
                yield (first + low) / rate, (first + high) / rate


def _zeros(silent: Bool[np.ndarray, " samples"], rate: int) -> Iterator[tuple[int, int]]:
    """The first sample of each run of a dropout's length, and the one after its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]])))
    for low, high in edges.reshape(-1, 2):
        if SHORTEST * rate <= high - low <= LONGEST * rate:
            yield int(low), int(high)


def _is_abrupt(
    wave: Float32[np.ndarray, "samples channels"], low: int, high: int, rate: int
) -> bool:
    n = max(1, round(AROUND * rate))
    sides = wave[max(0, low - n) : low], wave[high : high + n]
    return all(len(side) > 0 and np.sqrt(np.mean(side**2)) > LEAST for side in sides)

"""The bandwidth of a recording: where its spectrum ends."""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Float64

N_FFT = 2048

DROP = 20.0
"""Least fall in dB from below the end of a spectrum to above it."""

BELOW, ABOVE = (0.8, 0.95), (1.06, 1.25)
"""The bands on either side of an end that are compared, as factors of its frequency."""

LOSS, TURNS = 8.0, 4
"""Loss in dB at the end of a band, and how often the level within it is measured anew.

A resampler leaks beyond the end of the band, so the steepest fall may lie above that.
"""

SMOOTH = 100.0
"""Hz over which the power is smoothed when the end is sought."""

LOWEST = 1000.0
"""The lowest end in Hz that is looked for; below, speech itself falls as steeply."""


PerBin: TypeAlias = Float64[np.ndarray, " bins"]


def power_of(waves: Iterable[Float[np.ndarray, " _"]]) -> PerBin:
    """The mean power of a sound in each bin, from pieces of it."""
    window, total, n = np.hanning(N_FFT), np.zeros(N_FFT // 2 + 1), 0
    for wave in waves:
        padded = np.pad(wave, (0, max(0, N_FFT - len(wave))))
        frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[:: N_FFT // 2]
        total += (np.abs(np.fft.rfft(frames * window)) ** 2).sum(0)
        n += len(frames)
    return total / max(n, 1)


def bandwidth_of(power: PerBin, sample_rate: int) -> float:
    """The frequency in Hz at which a spectrum ends: half the sample rate, or a steep fall.

    A fall is one of `DROP` from the mean level below it to that of every band above it. A spectrum
    that fades, as that of speech does, has none. In a fall, the spectrum ends where it has lost
    `LOSS` of the level below.

    Args:
        power: Power of each bin, as `power_of` gives it.
        sample_rate: Sample rate in Hz.
    """
    hertz = np.linspace(0, sample_rate / 2, len(power))
    levels = 10 * np.log10(power + 1e-12 * power.max() + 1e-20)
    found, most = sample_rate / 2, DROP
    for end in np.arange(LOWEST, sample_rate / 2 / ABOVE[0], 50.0):
        below = (hertz >= BELOW[0] * end) & (hertz < BELOW[1] * end)
        above = hertz >= ABOVE[0] * end
        near = above & (hertz < ABOVE[1] * end)
        fall = levels[below].mean() - levels[near].mean()
        if fall > most and levels[above].max() < levels[below].mean() - DROP / 2:
            found, most = float(end), fall
    return found if found == sample_rate / 2 else _lost(power, hertz, found)


def _lost(power: PerBin, hertz: PerBin, end: float) -> float:
    """The frequency in Hz, at most that of a fall, at which a spectrum has lost `LOSS`."""
    width = round(SMOOTH / hertz[1]) | 1
    smooth = np.convolve(power, np.ones(width) / width, "same")
    for _ in range(TURNS):
        below = (hertz >= BELOW[0] * end) & (hertz < BELOW[1] * end)
        least = np.exp(np.log(power[below] + 1e-20).mean()) * 10 ** (-LOSS / 10)
        held = hertz[(hertz >= BELOW[0] * end) & (hertz <= end) & (smooth > least)]
        end = float(held.max(initial=BELOW[0] * end))
    return end

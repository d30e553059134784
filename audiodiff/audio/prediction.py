"""Linear prediction: a sound goes on as its last moments say."""

import numpy as np
from jaxtyping import Float64
from scipy import signal

MODEL_SECONDS = 0.1
"""The longest stretch of sound that a prediction is fitted to."""

ORDER_SECONDS = 0.02
"""The longest prediction: longer than a period of any voice, so that it carries its pitch on."""

Samples = Float64[np.ndarray, " _"]
"""One channel, of any length."""


def burg(wave: Samples, order: int) -> Float64[np.ndarray, " order"]:
    """The coefficients of ``x[n] = sum_k a_k x[n - k]`` by Burg's method, k from 1.

    It minimises the errors of prediction forwards and backwards, and never gives a sound that grows
    (J. P. Burg, Maximum Entropy Spectral Analysis, 1975).

    Args:
        wave: The sound; zeros give zeros.
        order: Number of coefficients, less than the length of the sound.
    """
    forward, backward = wave[1:].astype(np.float64), wave[:-1].astype(np.float64)
    a = np.zeros(0)
    for _ in range(order):
        power = forward @ forward + backward @ backward
        reflection = 2 * (forward @ backward) / power if power > 0 else 0.0
        a = np.append(a - reflection * a[::-1], reflection)
        forward, backward = (
            forward[1:] - reflection * backward[1:],
            backward[:-1] - reflection * forward[:-1],
        )
    return a


def extrapolated(wave: Samples, n: int, sample_rate: int) -> Samples:
    """The next n samples of a sound; zeros after none.

    Args:
        wave: The sound, of which the last `MODEL_SECONDS` count.
        n: Number of samples.
        sample_rate: Sample rate in Hz.
    """
    wave = wave[-round(MODEL_SECONDS * sample_rate) :]
    order = min(round(ORDER_SECONDS * sample_rate), len(wave) // 3)
    if order < 1:
        return np.zeros(n)
    recursion = np.concatenate([[1.0], -burg(wave, order)])
    memory = signal.lfiltic([1.0], recursion, wave[::-1][:order])
    made: Samples = signal.lfilter([1.0], recursion, np.zeros(n), zi=memory)[0]
    return made


def interpolated(before: Samples, after: Samples, n: int, sample_rate: int) -> Samples:
    """The n samples between two sounds: each goes on, and they are crossfaded.

    A sound that is empty has no part in it.

    Args:
        before: The sound before.
        after: The sound after.
        n: Number of samples.
        sample_rate: Sample rate in Hz.
    """
    onwards = extrapolated(before, n, sample_rate)
    backwards = extrapolated(after[::-1], n, sample_rate)[::-1]
    if not len(before) or not len(after):
        return onwards + backwards
    rising = np.sin(np.pi / 2 * (np.arange(n) + 0.5) / n) ** 2
    return (1 - rising) * onwards + rising * backwards

"""Linear prediction: processes whose coefficients are known, and sines, which go on for ever."""

import numpy as np
import pytest
from scipy import signal

from audiodiff.audio.prediction import burg, extrapolated, interpolated

RATE = 16000


def sines(n: int) -> np.ndarray:
    t = np.arange(n) / RATE
    return sum(a * np.sin(2 * np.pi * f * t + f) for a, f in ((0.3, 150), (0.2, 300), (0.1, 1234)))


def test_the_coefficients_of_a_process_are_found() -> None:
    wanted = np.array([1.2, -0.8, 0.3])
    noise = np.random.default_rng(0).standard_normal(40_000)
    wave = signal.lfilter([1.0], [1.0, *-wanted], noise)
    np.testing.assert_allclose(burg(wave, 3), wanted, atol=0.02)


def test_sines_go_on() -> None:
    whole = sines(3000)
    made = extrapolated(whole[:2000], 500, RATE)
    np.testing.assert_allclose(made, whole[2000:2500], atol=0.02)
    backwards = extrapolated(whole[:999:-1], 200, RATE)[::-1]
    np.testing.assert_allclose(backwards, whole[800:1000], atol=0.02)


def test_a_gap_in_sines_is_bridged() -> None:
    whole = sines(4000)
    made = interpolated(whole[:1800], whole[2200:], 400, RATE)
    np.testing.assert_allclose(made, whole[1800:2200], atol=0.02)


def test_a_prediction_never_grows() -> None:
    rng = np.random.default_rng(1)
    loud = rng.standard_normal(1600) * np.linspace(0, 1, 1600) ** 4
    made = extrapolated(loud, 20_000, RATE)
    assert np.abs(made).max() < 2 * np.abs(loud).max()
    assert np.abs(made[-1000:]).max() < np.abs(made[:1000]).max()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10])
def test_any_length_will_do(n: int) -> None:
    short = np.ones(n) / 2
    for made in (extrapolated(short, 5, RATE), interpolated(short, np.zeros(0), 5, RATE)):
        assert made.shape == (5,)
        assert np.isfinite(made).all()
    assert not interpolated(np.zeros(0), np.zeros(0), 7, RATE).any()
    assert not extrapolated(np.zeros(500), 50, RATE).any()

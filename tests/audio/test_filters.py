"""Filters of waves."""

import numpy as np
import pytest

from audiodiff.audio.filters import high_passed
from audiodiff.errors import AudiodiffError


@pytest.mark.parametrize("rate", [16000, 22050, 48000])
@pytest.mark.parametrize("frequency", [10, 20, 40, 80, 160, 1000])
def test_a_high_pass_has_its_gain_and_no_phase(rate: int, frequency: int) -> None:
    phase = 2 * np.pi * frequency * np.arange(2 * rate) / rate
    wave = (0.5 * np.sin(phase)).astype(np.float32)
    made = high_passed(wave, rate, 40.0)
    middle = slice(rate // 2, -rate // 2)
    gain = 1 / (1 + (40 / frequency) ** 4)
    np.testing.assert_allclose(made[middle], gain * wave[middle], atol=1e-3)


def test_a_short_wave_can_be_filtered() -> None:
    for n in (1, 2, 9, 10):
        made = high_passed(np.ones(n, np.float32), 22050, 40.0)
        assert made.shape == (n,)
        assert np.isfinite(made).all()


@pytest.mark.parametrize("cutoff", [0.0, -1.0, 8000.0, float("nan")])
def test_a_cutoff_beyond_the_wave_is_refused(cutoff: float) -> None:
    with pytest.raises(AudiodiffError, match="must lie between 0 and half the sample rate"):
        high_passed(np.ones(100, np.float32), 16000, cutoff)

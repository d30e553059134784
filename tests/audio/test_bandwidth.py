"""The ends of spectra."""

import numpy as np
import pytest
from scipy import signal

from audiodiff.audio.bandwidth import bandwidth_of, power_of
from audiodiff.audio.resampling import resample

RATE = 22050


def falling(n: int = 3 * RATE) -> np.ndarray:
    """Noise that falls by 12 dB an octave, as speech does."""
    noise = np.random.default_rng(0).standard_normal(n)
    made = signal.lfilter([1.0], [1.0, -1.8, 0.81], noise) / 50
    return made.astype(np.float32)


@pytest.mark.parametrize("rate", [6000, 8000, 12000, 16000])
def test_the_end_of_a_resampled_sound_is_found(rate: int) -> None:
    narrow = resample(falling(), RATE, rate)
    again = resample(narrow, rate, RATE)
    for wave, its_rate in ((narrow, rate), (again, RATE)):
        found = bandwidth_of(power_of([wave]), its_rate)
        assert 0.9 * rate / 2 < found <= rate / 2


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_what_a_resampler_leaks_is_not_the_sound(rate: int) -> None:
    """Half of an image of the uppermost band is left by this filter."""
    narrow = signal.resample_poly(falling(), 160, 441)  # to 8 kHz
    again = signal.resample_poly(narrow, rate // 50, 160)
    assert 3400 < bandwidth_of(power_of([again]), rate) < 4200


@pytest.mark.parametrize("end", [3400.0, 5500.0, 7000.0])
def test_the_end_of_a_low_pass_is_where_it_takes_half(end: float) -> None:
    band = signal.butter(24, end, fs=RATE, output="sos")
    found = bandwidth_of(power_of([signal.sosfilt(band, falling())]), RATE)
    assert 0.93 * end < found < 1.05 * end


def test_a_sound_that_fades_ends_at_half_its_rate() -> None:
    assert bandwidth_of(power_of([falling()]), RATE) == RATE / 2
    assert bandwidth_of(power_of([np.zeros(RATE)]), RATE) == RATE / 2
    assert bandwidth_of(power_of([np.ones(10)]), RATE) == RATE / 2
    assert bandwidth_of(power_of([]), RATE) == RATE / 2


def test_noise_above_a_voice_is_no_end() -> None:
    """A recording whose upper half is its noise floor is not narrow."""
    voice = signal.sosfiltfilt(signal.butter(2, 3000, fs=RATE, output="sos"), falling())
    noisy = voice + 3e-3 * np.random.default_rng(1).standard_normal(len(voice))
    assert bandwidth_of(power_of([noisy]), RATE) == RATE / 2


def test_pieces_are_the_whole() -> None:
    wave = falling()
    parts = [wave[: 20 * 2048], wave[20 * 2048 :]]
    np.testing.assert_allclose(power_of(parts), power_of([wave]), rtol=0.1)

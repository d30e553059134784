import math

import numpy as np
import pytest
from voices import at_level

from audiodiff.metrics.bands import buzz_high, lsd, lsd_high

RATE = 24000


def band_of(wave, low, high, rate=RATE):
    """What a brick-wall filter passes."""
    spectrum, frequencies = np.fft.rfft(wave), np.fft.rfftfreq(len(wave), 1 / rate)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    return np.fft.irfft(spectrum, len(wave)).astype(np.float32)


def pulses(f0, seconds=1.5, glide=1.0):
    """Clicks at a pitch that rises by a factor, one sample each."""
    t = np.arange(round(seconds * RATE)) / RATE
    phase = f0 * (t + (glide - 1) * t**2 / (2 * seconds))
    return np.diff(np.floor(phase), prepend=0).astype(np.float32)


def test_lsd_of_a_gain_is_the_gain_in_decibels():
    wave = at_level(-20, 2 * RATE)
    assert lsd(wave, wave / 2, RATE) == pytest.approx(20 * math.log10(2), abs=1e-3)
    assert lsd_high(wave, wave * 10, RATE) == pytest.approx(20, abs=1e-3)


def test_two_noises_of_one_spectrum_have_the_lsd_of_exponential_powers():
    # Powers are exponential, and the logarithm of such a variable has variance pi^2 / 6.
    expected = 10 / math.log(10) * math.sqrt(2 * math.pi**2 / 6)
    pair = at_level(-20, 4 * RATE, seed=1), at_level(-20, 4 * RATE, seed=2)
    assert lsd(*pair, RATE) == pytest.approx(expected, rel=0.01)
    assert lsd_high(*pair, RATE) == pytest.approx(expected, rel=0.02)


def test_the_high_band_hears_nothing_below_it():
    wave = at_level(-20, 2 * RATE)
    low = band_of(at_level(-20, 2 * RATE, seed=1), 100, 7900)
    assert lsd_high(wave, wave + low, RATE) < 0.1
    assert lsd(wave, wave + low, RATE) > 3


def test_a_missing_high_band_is_far():
    wave = at_level(-20, 2 * RATE)
    muffled = band_of(wave, 0, 8000)
    assert lsd_high(wave, muffled, RATE) > 40
    # Half of it missing, at 22.05 kHz too, where the band ends at 11.025 kHz.
    for rate in (22050, RATE):
        half = band_of(wave, 0, 9500, rate)
        assert 10 < lsd_high(wave, half, rate) < lsd_high(wave, band_of(wave, 0, 8000, rate), rate)


def test_levels_below_the_floor_do_not_count():
    silence = np.zeros(RATE, np.float32)
    assert lsd(silence, at_level(-90, RATE), RATE) == 0
    assert lsd(silence, at_level(-40, RATE), RATE) > 20


@pytest.mark.parametrize("glide", [1.0, 1.5])
@pytest.mark.parametrize("f0", [90, 120, 250])
def test_a_buzz_is_told_from_a_hiss(f0, glide):
    clicks, hiss = pulses(f0, glide=glide), at_level(-20, round(1.5 * RATE))
    assert buzz_high(hiss, clicks, RATE) > 0.4
    assert buzz_high(clicks, hiss, RATE) == pytest.approx(-buzz_high(hiss, clicks, RATE))
    assert abs(buzz_high(hiss, at_level(-20, len(hiss), seed=5), RATE)) < 0.03


def test_more_of_a_buzz_scores_higher_and_its_level_does_not():
    hiss, clicks = at_level(-20, round(1.5 * RATE)), pulses(120)
    scores = [buzz_high(hiss, hiss + gain * clicks, RATE) for gain in (0.1, 0.5, 2)]
    assert scores == sorted(scores)
    assert scores[2] - scores[0] > 0.3
    louder = buzz_high(10 * hiss, 10 * (hiss + 2 * clicks).astype(np.float32), RATE)
    assert louder == pytest.approx(scores[2], abs=1e-3)


def test_a_buzz_below_the_band_is_not_heard():
    hiss = at_level(-20, round(1.5 * RATE))
    assert abs(buzz_high(hiss, hiss + 5 * band_of(pulses(120), 0, 7900), RATE)) < 0.01


def test_the_high_band_is_undefined_at_low_rates_and_of_silence_no_buzz():
    wave = at_level(-20, 16000)
    assert math.isnan(lsd_high(wave, wave, 16000))
    assert math.isnan(buzz_high(wave, wave, 16000))
    silence = np.zeros(RATE, np.float32)
    assert buzz_high(silence, silence, RATE) == 0

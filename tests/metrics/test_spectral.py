import math

import numpy as np
import pytest
from voices import RATE, babble, noisy

from audiodiff.audio.io import resample
from audiodiff.metrics.pitch import f0_mae, voicing_f1
from audiodiff.metrics.spectral import log_mel_mae, mcd, multi_resolution_stft


def test_doubling_moves_the_mel_by_ln_2_and_leaves_shape_and_pitch():
    wave = noisy(babble(), 30)  # above the mel's floor everywhere
    assert log_mel_mae(wave, 2 * wave, RATE) == pytest.approx(math.log(2), abs=1e-3)
    assert mcd(wave, 2 * wave, RATE) == pytest.approx(0, abs=1e-3)
    assert f0_mae(wave, 2 * wave, RATE) == pytest.approx(0, abs=1e-3)
    assert voicing_f1(wave, 2 * wave, RATE) == pytest.approx(1, abs=1e-3)


def test_mel_mae_is_that_of_22050_hz_at_any_rate():
    wave = resample(noisy(babble(), 30), RATE, 48000)
    at_48k = log_mel_mae(wave, noisy(wave, 20), 48000)
    at_22k = log_mel_mae(*(resample(w, 48000, RATE) for w in (wave, noisy(wave, 20))), RATE)
    assert at_48k == pytest.approx(at_22k, abs=1e-6)


def test_mcd_of_a_filter_is_that_of_its_mel_cepstrum():
    # White noise through 1 - 0.5 z^-1: the definition, evaluated on the filter's known response.
    wave = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    filtered = np.convolve(wave, [1, -0.5])[: len(wave)].astype(np.float32)
    mel = np.linspace(*(math.log1p(f / 700) for f in (40, RATE / 2)), 2000)
    z = np.exp(-2j * np.pi * 700 * np.expm1(mel) / RATE)
    log_gain = np.log(np.abs(1 - 0.5 * z))
    phase = np.pi * (np.arange(2000) + 0.5) / 2000
    c = np.array([2 * np.mean(log_gain * np.cos(m * phase)) for m in range(1, 25)])
    expected = 10 / math.log(10) * math.sqrt(2 * np.sum(c**2))
    assert mcd(wave, filtered, RATE) == pytest.approx(expected, rel=0.03)


def test_mstft_convergence_is_relative_to_the_reference():
    # Halving: ||S/2|| / ||S|| + ln 2; doubling: 1 + ln 2.
    wave = noisy(babble(), 20)
    assert multi_resolution_stft(wave, wave / 2, RATE) == pytest.approx(0.5 + math.log(2), abs=0.01)
    assert multi_resolution_stft(wave, wave * 2, RATE) == pytest.approx(1 + math.log(2), abs=0.01)

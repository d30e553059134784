import math

import numpy as np
import pytest
import torch
from voices import RATE, at_level, babble, noisy, pauses, tone

from audiodiff.audio.io import resample
from audiodiff.metrics.libraries import library
from audiodiff.metrics.periodicity import _network, _pitch, crepe_f1, crepe_rmse, periodicity


def test_the_network_is_crepes():
    # By its own convolutions instead of Fourier transforms.
    torchcrepe = library("torchcrepe")
    torchcrepe.load.model("cpu", "full")
    wave = resample(noisy(babble(0.3), 20), RATE, 16000)
    (frames,) = torchcrepe.preprocess(torch.from_numpy(wave)[None], 16000, 1600, pad=False)
    with torch.no_grad():
        expected = torchcrepe.infer(frames, "full")
        assert (_network()(frames) - expected).abs().max() < 1e-4
    assert expected.max() > 0.3


@pytest.mark.parametrize("cents", [-50, 300])
def test_a_shift_in_pitch_is_found_in_cents(cents):
    pair = tone(150, 0.3), tone(150 * 2 ** (cents / 1200), 0.3)
    assert crepe_rmse(*pair, RATE) == pytest.approx(abs(cents), abs=21)  # a bin is 20 cents
    assert crepe_f1(*pair, RATE) == pytest.approx(1, abs=0.05)
    assert periodicity(*pair, RATE) < 0.1


def test_a_hiss_is_not_periodic():
    voiced, hiss = tone(150, 0.3), at_level(-20, round(0.3 * RATE))
    certain = _pitch(voiced, RATE).periodicity.mean()
    assert certain > 0.7
    assert periodicity(voiced, hiss, RATE) > certain / 2
    assert periodicity(voiced, hiss, RATE) == pytest.approx(periodicity(hiss, voiced, RATE))
    assert crepe_f1(voiced, hiss, RATE) < 0.5


def test_more_noise_is_less_periodic():
    wave = tone(150, 0.3)
    scores = [periodicity(wave, noisy(wave, snr), RATE) for snr in (30, 10, -5)]
    assert scores == sorted(scores)
    assert scores[2] > 2 * scores[0]


def test_f1_counts_missed_frames():
    whole, half = tone(150, 0.5), tone(150, 0.5)
    half[len(half) // 2 :] = 0
    assert crepe_f1(whole, half, RATE) == pytest.approx(2 / 3, abs=0.07)
    assert crepe_f1(half, whole, RATE) == crepe_f1(whole, half, RATE)


def test_silence_is_not_periodic():
    wave = pauses(seconds=1)[RATE // 4 : RATE * 3 // 4]  # tone, then silence
    found = _pitch(wave, RATE)
    assert found.voiced[:15].all()
    assert (found.periodicity[25:] == 0).all()
    silence = np.zeros_like(wave)
    assert periodicity(silence, silence, RATE) == 0
    assert math.isnan(crepe_rmse(silence, wave, RATE))
    assert crepe_f1(silence, wave, RATE) == 0
    assert math.isnan(crepe_f1(silence, silence, RATE))


def test_scoring_neither_reads_nor_moves_the_global_generator():
    f0 = []
    for seed, level in ((1, 1.0), (2, 0.5)):  # another level, so that nothing kept answers
        np.random.seed(seed)
        before = np.random.get_state()[1].copy()
        f0.append(_pitch(tone(150, 0.3) * np.float32(level), RATE).f0)
        assert np.array_equal(before, np.random.get_state()[1])
    assert np.array_equal(*f0)


def test_a_clip_at_its_own_rate_is_taken_as_it_is():
    wave = tone(150, 0.3, rate=16000)
    assert _pitch(wave, 16000).f0 == pytest.approx(150, rel=0.02)


def test_short_clips_are_undefined():
    clip = babble()[:2000]
    for metric in (periodicity, crepe_rmse, crepe_f1):
        assert math.isnan(metric(clip, clip, RATE))

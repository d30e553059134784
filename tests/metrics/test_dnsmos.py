import math

import numpy as np
import pytest
from voices import RATE, babble, noisy

from audiodiff.audio.io import resample
from audiodiff.metrics.dnsmos import dnsmos, dnsmos_change
from audiodiff.metrics.libraries import library


@pytest.fixture
def clip(speech):
    """Of a length that the library repeats to just over its 9 s, which it then hears once."""
    wave, rate = speech
    return wave[: round(2.3 * rate)], rate


def test_it_is_the_overall_opinion_of_the_library(clip):
    wave, rate = clip
    found = library("speechmos.dnsmos").run(resample(wave, rate, 16000), 16000)
    assert dnsmos(np.zeros_like(wave), wave, rate) == pytest.approx(found["ovrl_mos"], abs=1e-3)


def test_noise_lowers_it_whatever_the_reference(clip):
    wave, rate = clip
    clean, worse, worst = (wave, noisy(wave, 25), noisy(wave, 10))
    scores = [dnsmos(clean, estimate, rate) for estimate in (clean, worse, worst)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[2] > 0.5
    assert dnsmos_change(clean, worst, rate) == pytest.approx(scores[2] - scores[0])
    assert dnsmos_change(worst, clean, rate) == pytest.approx(scores[0] - scores[2])


def test_loud_samples_are_clipped_and_not_refused(clip):
    wave, rate = clip
    loud = wave / np.abs(wave).max() * np.float32(1.5)
    assert 1 < dnsmos(wave, loud, rate) < 5


def test_a_clip_at_its_own_rate_is_taken_as_it_is():
    wave = resample(babble(1.15), RATE, 16000)
    assert 1 < dnsmos(wave, wave, 16000) < 5


def test_silence_and_short_clips_are_undefined():
    wave, silence = babble(1.15), np.zeros_like(babble(1.15))
    assert math.isnan(dnsmos(wave, silence, RATE))
    assert not math.isnan(dnsmos(silence, wave, RATE))
    assert math.isnan(dnsmos_change(silence, wave, RATE))
    assert math.isnan(dnsmos(wave[:2000], wave[:2000], RATE))

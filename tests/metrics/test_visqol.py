import math

import numpy as np
import pytest
from voices import RATE, babble, noisy

from audiodiff.audio.io import resample
from audiodiff.metrics.libraries import library
from audiodiff.metrics.visqol import visqol


def similarity(reference, estimate):
    """The library's own mean NSIM in speech mode at 16 kHz."""
    api = library("visqol").VisqolApi()
    api.create(mode="speech", use_lattice_model=False)
    pair = [resample(wave, RATE, 16000).astype(np.float64) for wave in (reference, estimate)]
    return api.measure_from_arrays(*pair, 16000).vnsim


@pytest.mark.parametrize("snr", [30, 15])
def test_the_mapping_is_the_scaled_exponential(snr):
    wave = babble(2)
    estimate = noisy(wave, snr)
    mapped = 1.245063 * (
        -262.847869 + math.exp(0.0154302525 * (similarity(wave, estimate) + 361.063949))
    )
    assert visqol(wave, estimate, RATE) == pytest.approx(mapped, abs=1e-3)


def test_level_does_not_count(speech):
    wave, rate = speech
    pairs = ((wave, noisy(wave, 25)), (wave, noisy(wave, 25) / 8))
    one, other = (visqol(*pair, rate) for pair in pairs)
    assert one == pytest.approx(other, abs=0.02)
    assert visqol(wave, wave * np.float32(1e-9), rate) == pytest.approx(5, abs=1e-3)


def test_silence_and_short_clips_are_undefined():
    wave, silence = babble(), np.zeros_like(babble())
    for pair in ((silence, wave), (wave, silence), (silence, silence)):
        assert math.isnan(visqol(*pair, RATE))
    for seconds in (0.3, 0.5, 0.69):
        assert math.isnan(visqol(babble(seconds), babble(seconds), RATE))
    assert not math.isnan(visqol(babble(0.75), babble(0.75), RATE))
    assert math.isnan(visqol(wave, wave, 3000))

import math

import numpy as np
import pytest
from voices import RATE, at_level, pauses, tone

from audiodiff.metrics.silence import silence_noise


@pytest.mark.parametrize(("floor", "added"), [(-70, -60), (-70, -70), (-60, -80)])
def test_noise_in_silences_is_the_level_it_adds(floor, added):
    reference = pauses(floor)
    estimate = reference + at_level(added, len(reference))
    expected = 10 * math.log10(1 + 10 ** ((added - floor) / 10))
    assert silence_noise(reference, estimate, RATE) == pytest.approx(expected, abs=0.15)
    # And a cleaner estimate is below its reference by as much.
    assert silence_noise(estimate, reference, RATE) == pytest.approx(-expected, abs=0.15)


def test_noise_under_speech_or_next_to_it_is_none_in_silences():
    reference = pauses(-70)
    t = np.arange(len(reference)) / RATE
    # In 29 ms after a tone and before the next.
    near = ((t % 1 < 0.529) | (t % 1 > 0.971)) & (t < 1.529)
    estimate = reference + at_level(-40, len(reference)) * near
    assert silence_noise(reference, estimate, RATE) == 0
    further = t % 1 < 0.6
    estimate = reference + at_level(-40, len(reference)) * further
    assert silence_noise(reference, estimate, RATE) > 3


def test_digital_silence_counts_as_90_db_below_full_scale():
    reference, silence = pauses(), np.zeros_like(pauses())
    hiss = at_level(-60, len(reference))
    assert silence_noise(reference, reference, RATE) == 0
    assert silence_noise(reference, reference + hiss, RATE) == pytest.approx(30, abs=0.15)
    assert silence_noise(silence, hiss, RATE) == pytest.approx(30, abs=0.15)
    assert silence_noise(pauses(-60), silence, RATE) == pytest.approx(-30, abs=0.15)
    # What 16 bits cannot hold is no noise.
    assert silence_noise(reference, reference + at_level(-100, len(reference)), RATE) == 0


def test_without_a_silence_its_noise_is_undefined():
    assert math.isnan(silence_noise(tone(150), tone(150), RATE))
    loud = pauses(-40)  # its pauses are some 20 dB below the tone
    assert math.isnan(silence_noise(loud, loud, RATE))
    short = pauses(-70)
    t = np.arange(len(short)) / RATE
    # Pauses of 80 ms, of which the guard leaves too little.
    short += tone(150, 2.0) * (t % 1 > 0.58)
    assert math.isnan(silence_noise(short, short, RATE))

import math

import pytest
from contracts import noise

from audiodiff.mel.distance import MelDistance


@pytest.mark.parametrize("sample_rate", [16000, 22050, 24000])
def test_a_gain_costs_its_logarithm(sample_rate):
    distance, wave = MelDistance(sample_rate), 0.1 * noise(2, 8000)
    assert distance(wave, wave).tolist() == [0, 0]
    assert distance(-wave, wave).tolist() == [0, 0]
    for found in distance(2 * wave, wave).tolist():
        assert found == pytest.approx(math.log(2), abs=0.01)

import pytest
from voices import RATE, tone

from audiodiff.metrics.pitch import f0_mae, voicing_f1


@pytest.mark.parametrize("cents", [-50, 100, 300])
def test_a_shift_in_pitch_is_found_in_cents(cents):
    pair = tone(150), tone(150 * 2 ** (cents / 1200))
    assert f0_mae(*pair, RATE) == pytest.approx(abs(cents), abs=1)
    assert voicing_f1(*pair, RATE) == pytest.approx(1, abs=0.02)


def test_voicing_f1_counts_missed_frames():
    whole, half = tone(150, seconds=2), tone(150, seconds=2)
    half[len(half) // 2 :] = 0
    # Half of the voiced frames found, none wrongly: precision 1, recall 1/2.
    found = voicing_f1(whole, half, RATE)
    assert found == pytest.approx(2 / 3, abs=0.01)
    assert f0_mae(whole, half, RATE) < 5
    # And the other way round, precision 1/2, recall 1.
    assert voicing_f1(half, whole, RATE) == found

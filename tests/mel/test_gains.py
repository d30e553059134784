"""Gains of bands reach the spectrum, where and when they are given."""

import pytest
import torch
from contracts import noise

from audiodiff.mel.gains import with_gains
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.presets import PRESETS

CONFIG = PRESETS["hifigan"]
N_FRAMES = 60


def test_no_gain_leaves_the_wave_as_it_is() -> None:
    wave = noise(2, N_FRAMES * 256) / 10
    made = with_gains(CONFIG, wave, torch.zeros(2, 80, N_FRAMES))
    torch.testing.assert_close(made, wave, rtol=0, atol=1e-5)


def test_bands_are_louder_by_their_factors() -> None:
    wave, gains = noise(1, N_FRAMES * 256) / 10, torch.zeros(1, 80, N_FRAMES)
    gains[:, :30], gains[:, 50:] = -2.0, 1.0
    log_mel = LogMel(CONFIG)
    change = (log_mel(with_gains(CONFIG, wave, gains)) - log_mel(wave)).mean((0, 2))
    assert change[5:25].mean().item() == pytest.approx(-2.0, abs=0.05)
    assert change[35:45].mean().item() == pytest.approx(0.0, abs=0.05)
    assert change[55:75].mean().item() == pytest.approx(1.0, abs=0.05)


def test_frames_have_gains_of_their_own() -> None:
    wave, gains = noise(1, N_FRAMES * 256) / 10, torch.zeros(1, 80, N_FRAMES)
    gains[:, :, 30:] = -3.0
    made = with_gains(CONFIG, wave, gains)
    factors = [
        made[0, part].norm() / wave[0, part].norm() for part in (slice(6000), slice(9400, None))
    ]
    assert factors[0].item() == pytest.approx(1.0, abs=0.01)
    assert factors[1].item() == pytest.approx(0.0498, abs=0.005)

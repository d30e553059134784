"""Dropouts are told from pauses, from clipped tops and from single zeros."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiodiff.audio import dropouts as module
from audiodiff.audio.dropouts import dropouts
from audiodiff.audio.reader import opened

RATE = 8000


def found(path: Path, wave: np.ndarray) -> list[tuple[float, float]]:
    soundfile.write(path, wave, RATE)
    with opened(path) as sound:
        return list(dropouts(sound))


@pytest.mark.parametrize("block_seconds", [60.0, 0.35])
def test_dropouts_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_seconds: float
) -> None:
    monkeypatch.setattr(module, "_BLOCK_SECONDS", block_seconds)
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, (2 * RATE, 2))
    wave[4000:4400] = 0
    wave[9000:9100] = 0
    wave[12000:12100, 0] = 0  # in one channel alone
    wave[14000:14010] = 0  # too short
    assert found(tmp_path / "a.wav", wave) == [(0.5, 0.55), (1.125, 1.1375)]


@pytest.mark.parametrize("decibels", [-55, -75])
@pytest.mark.parametrize("value", [0.0, None])
def test_dropouts_in_faint_noise_are_found(
    tmp_path: Path, decibels: float, value: float | None
) -> None:
    wave = 10 ** (decibels / 20) * np.random.default_rng(0).standard_normal(2 * RATE)
    wave[4000:4400] = wave[3999] if value is None else value
    wave[10000:12000] = 0  # as long as what a noise gate leaves
    [(start, end)] = found(tmp_path / "a.wav", wave)
    assert start == pytest.approx(0.5, abs=0.001)
    assert end == pytest.approx(0.55, abs=0.001)


def test_held_values_that_belong_to_the_sound_are_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    low = np.sin(2 * np.pi * 50 * np.arange(RATE) / RATE)
    clipped = np.clip(low + 0.01 * rng.standard_normal(RATE), -0.3, 0.3)
    coarse = np.round(rng.standard_normal(RATE) * np.repeat([0.3, 9], RATE // 2)) / 2**7
    click = np.zeros(RATE)
    click[4000:4020] = 0.5 * rng.standard_normal(20)
    for wave in (clipped, coarse, click):
        assert found(tmp_path / "a.wav", wave) == []


def test_pauses_are_none(tmp_path: Path) -> None:
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, 4 * RATE)
    wave[:800] = wave[-800:] = 0  # at the ends
    wave[8000:17000] = 0  # too long
    wave[20000:21000] = 0
    wave[19000:20000] *= np.linspace(1, 0, 1000) ** 2  # fades into silence
    assert found(tmp_path / "a.wav", wave) == []
    assert found(tmp_path / "b.wav", np.zeros(RATE)) == []

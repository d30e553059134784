from pathlib import Path

import numpy as np
import pytest
import soundfile
from benchmark_scripts import Script

from audiodiff.pipelines.gaps import Gap

RATE = 16000


def sines(n: int) -> np.ndarray:
    t = np.arange(n) / RATE
    return 0.3 * np.sin(2 * np.pi * 150 * t) + 0.2 * np.sin(2 * np.pi * 430 * t)


def test_gaps_lie_in_speech(script: Script) -> None:
    wave = np.zeros(4 * RATE)
    wave[RATE : 3 * RATE] = sines(2 * RATE)
    gaps = script("inpainting").gaps_in(wave, RATE, 0.1)
    assert len(gaps) == 3
    for gap in gaps:
        assert gap.last - gap.first == 1600
        assert 0.9 * RATE < gap.first < gap.last < 3.1 * RATE


def test_gaps_lie_in_pauses(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = script("inpainting")
    noise = 1e-3 * np.random.default_rng(0).standard_normal(4 * RATE)
    wave = np.r_[sines(RATE), noise[: RATE // 2], sines(RATE)]
    [gap] = module.gaps_in_pauses(wave, RATE, 0.2)
    assert gap.last - gap.first == 3200
    assert 1.1 * RATE <= gap.first < gap.last <= 1.4 * RATE
    soundfile.write(tmp_path / "a.wav", wave, RATE)
    twice = {"twice": lambda cut, gaps, rate: 2 * wave}
    monkeypatch.setattr(module, "FILLERS", twice)
    assert module.louder(tmp_path / "a.wav", 200, "twice") == [pytest.approx(6.02, abs=0.05)]


@pytest.mark.parametrize("filler", ["linear prediction", "Janssen"])
def test_prediction_restores_sines(script: Script, filler: str) -> None:
    module = script("inpainting")
    wave = sines(RATE) + 1e-3 * np.random.default_rng(0).standard_normal(RATE)
    gaps = [Gap(4000, 4400), Gap(9000, 9500)]
    cut = wave.copy()
    for first, last in gaps:
        cut[first:last] = 0
    made = module.FILLERS[filler](cut, gaps, RATE)
    assert np.abs(made - wave).max() < 0.1
    assert module.distance(wave, made, gaps) < 0.6 * module.distance(wave, cut, gaps)


def test_silence_and_repetition_are_what_they_say(script: Script) -> None:
    module, gaps = script("inpainting"), [Gap(4000, 4700)]
    wave = sines(RATE)
    assert module.FILLERS["silence"](wave, gaps, RATE) is wave
    made = module.FILLERS["repetition of 20 ms"](wave, gaps, RATE)
    assert np.array_equal(made[4000:4320], wave[3680:4000])
    assert np.array_equal(made[4320:4640], wave[3680:4000])
    assert np.array_equal(made[4700:], wave[4700:])


def test_resampling_alone_leaves_the_upper_band_empty(script: Script, tmp_path: Path) -> None:
    module = script("upsampling")
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 2 * 22050)
    soundfile.write(tmp_path / "a.wav", noise, 22050)
    far, _, change = module.judged(tmp_path / "a.wav", 8000, module.RESAMPLING)
    assert far > 20
    assert change < -150

"""Clipping is told from loudness, and what it cut off comes back."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiodiff.audio import declipping as module
from audiodiff.audio.declipping import Levels, clip_levels, declipped, restorations
from audiodiff.audio.reader import opened
from audiodiff.errors import AudiodiffError

RATE = 22050
CLIP = Path(__file__).parents[2] / "examples" / "arctic_a0016.wav"


def spoken() -> np.ndarray:
    """A second of speech with a peak of 0.9."""
    wave, rate = soundfile.read(CLIP, start=RATE, frames=RATE)
    assert rate == RATE
    return 0.9 * wave / np.abs(wave).max()


def sdr(wave: np.ndarray, made: np.ndarray) -> float:
    return 10 * np.log10((wave**2).sum() / ((wave - made) ** 2).sum())


def levels_of(path: Path, wave: np.ndarray, subtype: str = "PCM_16") -> list[Levels]:
    soundfile.write(path, wave, RATE, subtype)
    with opened(path) as sound:
        return clip_levels(sound)


def test_the_levels_of_each_channel_are_found(tmp_path: Path) -> None:
    wave = spoken()
    channels = np.stack([wave, np.clip(wave, -0.5, 0.25), np.clip(wave, -1, 0.5)], 1)
    never, both, above = levels_of(tmp_path / "a.wav", channels)
    assert never == (-np.inf, np.inf)
    assert both == (-0.5, 0.25)
    assert above == (-np.inf, 0.5)


def test_the_levels_are_found_in_one_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BLOCK_SECONDS", 0.5)
    wave = spoken()
    louder = np.r_[np.clip(wave, -0.2, 0.2), np.clip(wave, -0.5, 0.5), np.clip(wave, -0.1, 0.1)]
    soundfile.write(tmp_path / "a.wav", louder, RATE)
    with opened(tmp_path / "a.wav") as sound:
        read, places = sound.read, list[int]()

        def noted(first: int, n: int, dtype: str) -> np.ndarray:
            places.extend(range(first, first + n))
            return read(first, n, dtype)

        monkeypatch.setattr(sound, "read", noted)
        assert clip_levels(sound) == [(-0.5, 0.5)]
    assert places == list(range(len(louder)))


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(RATE),
        np.sin(2 * np.pi * 50 * np.arange(RATE) / RATE),  # its tops are equal
        np.where(np.arange(RATE) == 4000, 1, 0.0),
        np.random.default_rng(0).integers(-2, 3, RATE) / 2**15,
        np.r_[spoken(), np.ones(50)],  # one click
    ],
)
def test_loudness_and_silence_are_no_clipping(tmp_path: Path, wave: np.ndarray) -> None:
    assert levels_of(tmp_path / "a.wav", wave) == [(-np.inf, np.inf)]


def test_nan_is_refused(tmp_path: Path) -> None:
    wave = spoken()
    wave[7] = np.nan
    with pytest.raises(AudiodiffError, match="a.wav holds NaN or infinity"):
        levels_of(tmp_path / "a.wav", wave, "FLOAT")


def test_tops_come_back_and_all_else_stays() -> None:
    wave = spoken()
    levels = Levels(-0.4, 0.45)
    clipped = np.clip(wave, *levels)
    made = declipped(clipped, levels, RATE)
    lost = levels.lost(clipped)
    assert np.array_equal(made[~lost], clipped[~lost])
    assert (np.abs(made[lost]) >= np.abs(clipped[lost])).all()
    assert sdr(wave, made) > sdr(wave, clipped) + 6


@pytest.mark.parametrize("n", [1, 2, 5, 300])
def test_a_wave_that_is_lost_as_a_whole_stays_at_its_level(n: int) -> None:
    assert np.array_equal(declipped(np.full(n, 0.5), Levels(-1.0, 0.5), RATE), np.full(n, 0.5))


def test_parts_of_a_file_are_restored_as_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = np.clip(spoken(), -0.4, 0.4)
    soundfile.write(tmp_path / "a.wav", wave, RATE, "DOUBLE")
    whole = declipped(wave.astype(np.float32).astype(np.float64), Levels(-0.4, 0.4), RATE)
    monkeypatch.setattr(module, "_BLOCK_SECONDS", 0.35)
    with opened(tmp_path / "a.wav") as sound:
        parts = [part for part, _ in restorations(sound, clip_levels(sound))]
    places = np.concatenate([part.places for part in parts])
    assert np.array_equal(places, np.flatnonzero(np.abs(wave) >= 0.4))
    assert np.abs(np.concatenate([part.wave for part in parts]) - whole[places]).max() < 0.1

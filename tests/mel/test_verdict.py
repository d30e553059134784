"""Mels that are said to be of a preset, judged by their values, alone and together."""

from pathlib import Path

import pytest
import torch

from audiodiff import PRESETS, LogMel
from audiodiff.audio.io import load
from audiodiff.mel.conversion import conversion_to
from audiodiff.mel.scales import alike
from audiodiff.mel.verdict import MAX_JUDGED, some_of, verdict

VOICES = ("kathleen", "unseen-gd")

GROUPS = [name for name in PRESETS if alike(name)[0] == name]
"""The first of the presets that are alike."""


SPEECH = Path(__file__).resolve().parents[2] / "examples" / "arctic_a0016.wav"


def speech() -> torch.Tensor:
    return torch.from_numpy(load(SPEECH, 22050)[0])


def mels_of(voice: Path, preset: str) -> list[torch.Tensor]:
    """Of three clips."""
    config = PRESETS[preset]
    clips = sorted((voice / "wavs").glob("*.flac"))[:3]
    waves = [torch.from_numpy(load(clip, config.sample_rate)[0])[None] for clip in clips]
    return [LogMel(config)(wave)[0] for wave in waves]


def unlike(preset: str) -> list[str]:
    """Other groups with as many bands."""
    n_mels = PRESETS[preset].n_mels
    return [name for name in GROUPS if name != preset and PRESETS[name].n_mels == n_mels]


@pytest.mark.parametrize("preset", GROUPS)
def test_mels_of_voices_are_taken_as_what_they_are_and_as_nothing_else(
    shared: Path, preset: str
) -> None:
    for voice in VOICES:
        mels = mels_of(shared / "data" / "speech" / voice, preset)
        assert verdict(mels, PRESETS[preset]) is None
        assert all(verdict([mel], PRESETS[preset]) is None for mel in mels)
        for other in unlike(preset):
            together = verdict(mels, PRESETS[other])
            assert together is not None
            assert together.certain


@pytest.mark.parametrize("preset", ["speecht5", "vocos", "coqui"])
def test_converted_mels_are_taken(shared: Path, preset: str) -> None:
    target = PRESETS["hifigan"]
    for voice in VOICES:
        mels = mels_of(shared / "data" / "speech" / voice, preset)
        converted = [conversion_to(target, preset)(mel[None])[0] for mel in mels]
        assert verdict(converted, target) is None


def test_mels_that_could_each_be_of_a_preset_together_are_not() -> None:
    wave = speech()
    mels = [*LogMel(PRESETS["espnet"])(torch.stack([wave, 0.8 * wave, 0.7 * wave]))]
    each = [verdict([mel], PRESETS["hifigan"]) for mel in mels]
    assert all(one is not None and not one.certain for one in each)
    together = verdict(mels, PRESETS["hifigan"])
    assert together is not None
    assert together.certain
    assert together.about("mels").startswith("mels: its values are those of speecht5, espnet or ")
    assert "--preset speecht5 or preset='speecht5' (choose speecht5 if made at" in together.sentence
    assert each[0] is not None
    assert each[0].about("a.npy").startswith("a.npy: probably its values are those of speecht5")


def test_a_preset_of_ones_own_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    own = PRESETS["hifigan"].model_copy(update={"log_base": "10", "scale": 20.0})
    monkeypatch.setitem(PRESETS, "own", own)
    mel = LogMel(PRESETS["coqui"])(speech()[None])[0]
    assert verdict([mel, mel], PRESETS["hifigan"]) is not None
    assert verdict([mel, mel], own) is None


def test_some_of_many_files_are_spread() -> None:
    paths = [Path(str(i)) for i in range(100)]
    some = some_of(paths)
    assert len(some) == MAX_JUDGED
    assert some[0] == paths[0]
    assert some[-1] in paths[-4:]
    assert some_of(paths[:3]) == paths[:3]

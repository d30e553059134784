from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from audiodiff import PRESETS, LogMel
from audiodiff.audio.io import load
from audiodiff.cli.app import app
from audiodiff.mel.doctor import advise, examine

ROOT = Path(__file__).resolve().parents[2]
SAME_VALUES = [
    {"hifigan", "tacotron2", "speechbrain", "nemo"},
    {"speecht5", "espnet", "fastdiff"},
]
"""Presets that only framing, padding, the window or the rate tells apart."""


def alike(preset: str) -> set[str]:
    return next((group for group in SAME_VALUES if preset in group), {preset})


def mel_of(preset: str, gain: float = 1.0) -> torch.Tensor:
    config = PRESETS[preset]
    wave, _ = load(ROOT / "examples" / "arctic_a0016.wav", config.sample_rate)
    return LogMel(config)(gain * torch.from_numpy(wave)[None])[0]


@pytest.mark.parametrize("gain", [0.2, 1.0])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_known_by_its_mel(preset: str, gain: float) -> None:
    found = examine(mel_of(preset, gain))
    assert found.problem is None
    assert set(found.likely) == alike(preset)
    assert len(found.evidence) == len(found.likely)
    assert advise(found, PRESETS[preset]).fits


def test_every_reference_mel_is_known(shared: Path) -> None:
    with np.load(shared / "parity" / "mels.npz") as recorded:
        names = [name.removeprefix("mel/") for name in recorded if name.startswith("mel/")]
        assert len(names) >= 6
        for name in names:
            mel = torch.from_numpy(recorded[f"mel/{name}"]).float()
            assert set(examine(mel.reshape(mel.shape[-2:])).likely) == alike(name), name


@pytest.mark.parametrize("preset", ["tacotron2", "vocos"])
def test_both_real_pairs_are_known(shared: Path, preset: str) -> None:
    (path,) = (shared / "parity" / "pairs").glob(f"{preset}_*.npy")
    mel = torch.from_numpy(np.load(path)).float()
    found = examine(mel.reshape(mel.shape[-2:]))
    assert set(found.likely) == alike(preset)


HIFIGAN = mel_of("hifigan")

WRONG = {
    "transposed": (HIFIGAN.T, "it is transposed: 326 frames of 80 bands"),
    "log10 for ln": (HIFIGAN / np.log(10), r"--preset (espnet|speecht5|fastdiff)"),
    "amplitude": (HIFIGAN.exp(), "amplitudes and not their logarithm"),
    "0 to 1": (
        (mel_of("vocos") + 16.1) / (mel_of("vocos").max() + 16.1),
        "scaled to [0, 1]",
    ),
    "16 kHz": (mel_of("speecht5"), "--preset"),
    "z-scored": ((HIFIGAN - HIFIGAN.mean()) / HIFIGAN.std(), "it is normalised: mean"),
    "too few bands": (HIFIGAN[:40], "40 bands are too few: presets have 64, 80, 100 or 128"),
    "NaN": (HIFIGAN.where(HIFIGAN > -8, torch.nan), "are NaN or infinite"),
    "empty": (HIFIGAN[:, :0], "it is empty"),
    "integer": (HIFIGAN.round().int(), "it holds integers (int32)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_mel_is_told_in_one_sentence(name: str) -> None:
    mel, words = WRONG[name]
    advice = advise(examine(mel), PRESETS["hifigan"])
    assert not advice.fits
    if words.startswith("--preset"):
        assert advice.sentence.startswith("convert it: --preset ")
        assert {"speecht5", "espnet", "fastdiff"} <= set(
            advice.sentence.replace(",", " ").replace(")", " ").split()
        )
    else:
        assert words in advice.sentence
    assert ". " not in advice.sentence


def test_noise_is_nobodys_mel() -> None:
    noise = 0.01 * torch.randn(80, 400, generator=torch.Generator().manual_seed(0)) - 3
    assert "no preset of 80 bands has such values" in (examine(noise).problem or "")


@pytest.mark.parametrize(
    ("preset", "status", "words"),
    [
        ("hifigan", 0, "the model takes it as it stands, as hifigan, unless it is "),
        ("vocos", 1, "convert it: --preset vocos, which errs by 0.1"),
    ],
)
def test_the_command_says_whether_it_fits(
    tmp_path: Path, preset: str, status: int, words: str
) -> None:
    np.save(tmp_path / "a.npy", mel_of(preset).numpy())
    done = CliRunner().invoke(app, ["doctor", str(tmp_path / "a.npy"), "--model", "default"])
    assert done.exit_code == status
    assert words in done.stdout
    assert f"may be {preset}: values spread over " in done.stdout


def test_without_a_model_it_says_what_the_mel_is(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", HIFIGAN.T.numpy())
    done = CliRunner().invoke(app, ["doctor", str(tmp_path / "a.npy")])
    assert done.exit_code == 1
    assert "it is transposed" in done.stdout
    np.save(tmp_path / "a.npy", HIFIGAN.numpy())
    assert CliRunner().invoke(app, ["doctor", str(tmp_path / "a.npy")]).exit_code == 0

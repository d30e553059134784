"""Folders of mels that another system made: what `vocode` and `doctor` say of them."""

from pathlib import Path

import numpy as np
import soundfile
import torch
from command_line import Run

from audiodiff import PRESETS, LogMel
from audiodiff.audio.io import load

SPEECH = Path(__file__).resolve().parents[2] / "examples" / "arctic_a0016.wav"


def save_mels(folder: Path, preset: str, factor: float = 1, part: slice = slice(None)) -> Path:
    """Mels of one sound at three levels, as they would come from another system."""
    config = PRESETS[preset]
    wave = torch.from_numpy(load(SPEECH, config.sample_rate)[0])[part]
    mels = LogMel(config)(torch.stack([wave, 0.8 * wave, 0.7 * wave]))
    folder.mkdir()
    for name, mel in zip("abc", mels, strict=True):
        np.save(folder / f"{name}.npy", factor * mel.numpy())
    return folder


def test_a_folder_of_mels_of_another_preset_is_refused_as_a_whole(
    run: Run, model: Path, tmp_path: Path
) -> None:
    save_mels(tmp_path / "in", "espnet", part=slice(28000, 56000))
    words = ("vocode", "in", "-o", "out", "--model", model)
    refused = run(*words)
    assert refused.status == 2
    assert "error: 3 mels together, e.g. in/a.npy: its values are those of speecht5" in refused.err
    assert not (tmp_path / "out").exists()
    alone = run("vocode", "in/a.npy", "-o", "alone", "--model", model)
    assert alone.status == 0
    assert "warning: in/a.npy: probably its values are those of speecht5" in alone.err
    right = run(*words, "--preset", "espnet")
    assert right.status == 0
    assert "its values" not in right.err
    forced = run(*words, "--force", "--overwrite")
    assert "3 written; " in forced.err


def test_a_scale_that_the_doctor_names_is_undone(run: Run, model: Path, tmp_path: Path) -> None:
    save_mels(tmp_path / "own", "hifigan")
    save_mels(tmp_path / "in", "hifigan", factor=20 / np.log(10))
    run("vocode", "own", "-o", "plain", "--model", model)
    said = run("doctor", "in", "--model", "default")
    assert said.status == 1
    assert "as `audiodiff vocode --preset hifigan --scale decibels` does" in said.out
    words = ("vocode", "in", "-o", "out", "--model", model, "--preset", "hifigan", "--scale")
    assert run(*words, "decibels").status == 0
    for name in ("a.wav", "b.wav"):
        plain, out = (soundfile.read(tmp_path / folder / name)[0] for folder in ("plain", "out"))
        np.testing.assert_allclose(out, plain, rtol=0, atol=1e-3)
    wrong = run(*words, "normalised")
    assert wrong.status == 2
    assert "scale='normalised' cannot be undone; choose from log10, decibels, int16" in wrong.err


def test_the_doctor_judges_a_folder_and_names_what_differs(run: Run, tmp_path: Path) -> None:
    folder = save_mels(tmp_path / "in", "hifigan")
    whole = run("doctor", "in", "--model", "default")
    assert whole.status == 0
    assert whole.out.startswith("in, 3 mels together: shape (80, ")
    assert "in/" not in whole.out
    np.save(folder / "d.npy", np.load(folder / "a.npy").T)
    (folder / "e.npy").write_bytes(b"no mel")
    differ = run("doctor", "in", "--model", "default")
    assert differ.status == 1
    assert "the model takes it as it stands, as hifigan" in differ.out
    assert "in/d.npy: it is transposed" in differ.out
    assert "in/e.npy cannot be read as a mel" in differ.out
    assert "in/a.npy" not in differ.out
    (tmp_path / "empty").mkdir()
    none = run("doctor", "empty")
    assert none.status == 2
    assert "empty holds no mel (.npy, .npz, .pt, .safetensors)" in none.err

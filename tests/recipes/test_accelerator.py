"""The training of recipes/speech on one GPU, on a CPU: packing, stages, and weights made to fit."""

import importlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
import torch
from corpora import RECIPES

from audiodiff.model import Model
from audiodiff.training.config import read_train_config

SPEECH = RECIPES / "speech"
SMALL = ("model.network.n_channels=16", "model.network.n_layers=2", "precision=fp32")


@pytest.fixture
def fitting(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SPEECH))
    return importlib.import_module("fitting")


def model_of(stage: str, *settings: str) -> Model:
    """With a network that does something."""
    torch.manual_seed(0)
    model = Model(read_train_config(SPEECH / f"{stage}.toml", [*SMALL, *settings]).model).eval()
    for parameter in model.network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@torch.no_grad()
def output(model: Model, mel: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    x_t = torch.randn(1, 2, 512, 7, generator=generator)
    return model.network(x_t, torch.tensor([-1.0]), model.network.condition({"mel": mel}))


def test_a_wider_and_deeper_network_computes_what_the_narrow_one_did(fitting: ModuleType) -> None:
    narrow = model_of("gpu-1-run")
    wide = model_of("gpu-1-run", "model.network.n_channels=32", "model.network.n_layers=3")
    mel = torch.randn(1, 80, 7)
    before = output(wide, mel)
    wide.network.load_state_dict(fitting.fitted(narrow, wide))
    torch.testing.assert_close(output(wide, mel), output(narrow, mel), rtol=1e-4, atol=1e-5)
    assert (before - output(wide, mel)).abs().max() > 1


def test_a_mel_with_other_bands_is_read_by_interpolation(fitting: ModuleType) -> None:
    old, new = model_of("gpu-2-adversarial"), model_of("gpu-3-24k")
    new.network.load_state_dict(fitting.fitted(old, new))
    # A mel that is a smooth function of frequency is the same to both.
    heights = [fitting._middles(model.config.mel) for model in (old, new)]
    mels = [
        torch.from_numpy(np.interp(hz, [0, 12000], [-2, -9])).float()[None, :, None].repeat(1, 1, 7)
        for hz in heights
    ]
    torch.testing.assert_close(output(new, mels[1]), output(old, mels[0]), rtol=1e-3, atol=1e-3)


@pytest.mark.slow  # two processes that import torch, and three stages of training
@pytest.mark.skipif(
    not hasattr(tarfile, "data_filter"), reason="this Python cannot unpack tar archives safely"
)
def test_the_stages_run_on_a_cpu_within_their_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for voice in ("one", "two"):
        (tmp_path / "speech" / voice / "wavs").mkdir(parents=True)
        for i in range(3):
            wave = 0.1 * rng.standard_normal(30_000)
            soundfile.write(tmp_path / "speech" / voice / "wavs" / f"{i}.flac", wave, 24000)
        (tmp_path / "speech" / voice / "train.txt").write_text("0\n1\n")
        (tmp_path / "speech" / voice / "dev.txt").write_text("2\n")
    parts, out = tmp_path / "parts", tmp_path / "out"
    settings = [*SMALL, "batch_size=2", "objective.diffusion_items=1"]
    for command in (
        ["packing.py", tmp_path / "speech", parts, "--part-mebibytes", "0.03"],
        ["accelerator.py", parts, out, "--seconds", "12", *(f"--set={s}" for s in settings)],
    ):
        script, *arguments = map(str, command)
        ended = subprocess.run(
            [sys.executable, str(SPEECH / script), *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert ended.returncode == 0, ended.stderr
    assert len(list(parts.glob("part-*.tar"))) > 1
    for stage, rate in (("gpu-1-run", 22050), ("gpu-2-adversarial", 22050), ("gpu-3-24k", 24000)):
        assert Model.load(out / stage / "model").config.sample_rate == rate
        assert (out / stage / "curves.png").is_file()
        assert "dev/spectral_2" in (out / stage / "log.jsonl").read_text()
    assert "discriminators" in ended.stdout

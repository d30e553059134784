from pathlib import Path

import pytest
import soundfile
import torch
from searches import ROOT, TINY

from audiodiff import ModelConfig
from audiodiff.audio.io import load
from audiodiff.model import found, hub
from audiodiff.model.model import Model


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    wave, _ = load(ROOT / "examples" / "arctic_a0016.wav")
    folder = tmp_path / "clips"
    folder.mkdir()
    for i in range(7):
        soundfile.write(folder / f"{i}.wav", wave[i * 9000 : i * 9000 + 30000], 22050)
    (folder / "dev.txt").write_text("0\n1\n2\n3\n4\n5\n")
    return folder


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = Model(ModelConfig.parse(TINY, "test"))
    torch.nn.init.normal_(model.network.output.weight, std=0.02)
    model.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def packaged(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model inside the package, and no times in the user's folder."""
    monkeypatch.setattr(hub, "PRETRAINED", tmp_path / "pretrained")
    monkeypatch.setattr(found, "user_data_path", lambda name: tmp_path / "data" / name)
    (tmp_path / "pretrained").mkdir()
    return directory.rename(tmp_path / "pretrained" / "tiny")

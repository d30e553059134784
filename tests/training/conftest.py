from pathlib import Path

import numpy as np
import pytest
import soundfile
from small_models import TRAINING


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TRAINING)
    return path


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(4):
        tone = np.sin(np.arange(16000) * 2 * np.pi * (110 + 40 * i) / 22050)
        wave = 0.1 * tone * (1 + 0.1 * rng.standard_normal(16000))
        soundfile.write(folder / f"{i}.wav", wave, 22050)
    (folder / "broken.wav").write_bytes(b"not sound")
    return folder

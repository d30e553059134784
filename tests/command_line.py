"""What the tests of the command line share."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch

from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.presets import PRESETS

RATE = 22050
N_SAMPLES = 26 * 256
CONFIG = """
steps = 2
batch_size = 2
log_every = 1
[data]
crop_frames = 8
[model]
sample_rate = 22050
mel = "hifigan"
target = "v"
network = { kind = "diffwave", n_channels = 4, n_layers = 2 }
schedule = { kind = "cosine" }
sampling = { sampler = "ddim", times = [1.0, 0.5, 0.0] }
"""


class Result(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Result]


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def write_tone(path: Path, f0: float = 200, n_samples: int = N_SAMPLES) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    phase = 2 * np.pi * f0 * np.arange(n_samples) / RATE
    soundfile.write(path, 0.1 * np.sin(phase) + 0.05 * np.sin(3 * phase), RATE)
    return path


def hifigan_mel(path: Path) -> torch.Tensor:
    wave = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
    return LogMel(PRESETS["hifigan"])(wave[None])[0]

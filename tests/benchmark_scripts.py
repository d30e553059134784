"""What tests of the benchmarks share: how to import one, and voices to work on."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from audiodiff.audio.io import save

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
RECIPES = BENCHMARKS.parent / "recipes"
RATE = 22050

Script = Callable[[str], ModuleType]


def voiced(seconds: float, f0: float = 120) -> np.ndarray:
    """Harmonics of a gliding f0 that fall as 1/k."""
    t = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * (f0 + 20 * t) * t
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 20))).astype(np.float32)


def write_voices(data: Path, *names: str) -> None:
    """Folders of seven clips of a second, with lists."""
    for voice in names:
        for i in range(7):
            save(data / voice / f"wavs/{i}.wav", voiced(1.0, 100 + 10 * i), RATE)
        for name, ids in {"train": "0123", "dev": "4", "test": "56"}.items():
            (data / voice / f"{name}.txt").write_text("\n".join(ids))

"""Recordings as files, and where an edit changed them."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 16000


def recording(path: Path, subtype: str = "PCM_24", n: int = 2 * RATE) -> np.ndarray:
    rng = np.random.default_rng(1)
    t = np.arange(n) / RATE
    wave = np.stack([0.2 * np.sin(2 * np.pi * f * t) for f in (150, 260)], 1)
    soundfile.write(path, wave + 1e-3 * rng.standard_normal((n, 2)), RATE, subtype)
    return soundfile.read(path, dtype="int32")[0]


def changed(before: np.ndarray, path: Path) -> list[tuple[float, float]]:
    """Stretches of a file that differ from what it was, in seconds."""
    after = soundfile.read(path, dtype="int32")[0]
    differ = (after[: len(before)] != before).any(1)
    places = np.flatnonzero(differ)
    groups = np.split(places, np.flatnonzero(np.diff(places) > 100) + 1)
    return [(group[0] / RATE, (group[-1] + 1) / RATE) for group in groups if len(group)]

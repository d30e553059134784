"""Clips of noise, and folders of them."""

from pathlib import Path

import numpy as np
import soundfile

from audiodiff.data.corpus import Clip

RATE = 8000


def write(path: Path, n_samples: int, seed: int = 0, rate: int = RATE) -> Clip:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = np.random.default_rng(seed).uniform(-0.5, 0.5, n_samples)
    soundfile.write(path, wave, rate)
    return Clip(id=path.stem, path=path)


def write_ljspeech(folder: Path, ids: list[str], **lists: list[str]) -> Path:
    for id_ in ids:
        write(folder / "wavs" / f"{id_}.wav", 100)
    (folder / "metadata.csv").write_text("".join(f"{id_}|Some text|more\n" for id_ in ids))
    for split, names in lists.items():
        (folder / f"{split}.txt").write_text("\n".join(names))
    return folder


def ids_of(clips: tuple[Clip, ...]) -> list[str]:
    return [clip.id for clip in clips]

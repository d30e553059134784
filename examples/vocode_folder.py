"""Vocodes a folder of mels from Python.

    python examples/vocode_folder.py mels/ out/

Mels are `.npy` files of shape (n_mels, frames) in the preset of the model. Mels of equal length are
made in one batch.
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile
import torch

from audiodiff import Vocoder


def main(mels: Path, out: str) -> None:
    """Writes a wav file for each mel."""
    vocoder = Vocoder.from_pretrained("default")
    paths = sorted(mels.glob("*.npy"))
    waves = vocoder.batch([torch.from_numpy(np.load(path)) for path in paths], seed=0)
    Path(out).mkdir(parents=True, exist_ok=True)
    for path, wave in zip(paths, waves, strict=True):
        soundfile.write(Path(out, f"{path.stem}.wav"), wave.numpy(), vocoder.sample_rate)
        print(Path(out, f"{path.stem}.wav"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Vocodes a folder of mels.")
    parser.add_argument("mels", type=Path, help="folder of .npy files")
    parser.add_argument("out", help="folder for the wav files")
    arguments = parser.parse_args()
    if not any(arguments.mels.glob("*.npy")):
        parser.error(f"{arguments.mels} holds no .npy file")
    main(arguments.mels, arguments.out)

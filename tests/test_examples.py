"""The scripts in examples/ run as they stand."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from audiodiff import PRESETS, LogMel
from audiodiff.audio.io import load

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name: str, *words: object) -> str:
    command = [sys.executable, "-W", "ignore", EXAMPLES / name, *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_a_folder_of_mels_becomes_sound(tmp_path: Path) -> None:
    wave, _ = load(EXAMPLES / "arctic_a0016.wav", 22050)
    mel = LogMel(PRESETS["hifigan"])(torch.from_numpy(wave)[None])[0].numpy()
    for name, n in (("a", 40), ("b", 30), ("c", 40)):
        np.save(tmp_path / f"{name}.npy", mel[:, :n])
    run("vocode_folder.py", tmp_path, tmp_path / "out")
    frames = {path.stem: soundfile.info(path).frames for path in tmp_path.glob("out/*.wav")}
    assert frames == {"a": 40 * 256, "b": 30 * 256, "c": 40 * 256}


@pytest.mark.slow
def test_text_becomes_a_wav(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    out = run("text_to_speech.py", "Hello there.", tmp_path / "a.wav")
    assert out.startswith(str(tmp_path / "a.wav"))
    sound, rate = soundfile.read(tmp_path / "a.wav")
    assert rate == 22050
    assert np.abs(sound).max() > 1e-3

"""The scripts in examples/ run as they stand."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from small_models import LABELLED, small_config, untrained

from audiodiff import PRESETS, LogMel
from audiodiff.audio.io import load

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name: str, *words: object, cwd: Path | None = None) -> str:
    command = [sys.executable, "-W", "ignore", EXAMPLES / name, *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout


def refused(name: str, *words: object) -> str:
    """The last line of a script that refuses its arguments."""
    command = [sys.executable, EXAMPLES / name, *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


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
    assert run("text_to_speech.py", "Ça va? 中, 123", "b.wav", cwd=tmp_path).startswith("b.wav: ")
    sound, rate = soundfile.read(tmp_path / "b.wav")
    assert rate == 22050
    assert np.abs(sound).max() > 1e-3


@pytest.mark.slow
def test_an_empty_text_is_refused() -> None:
    pytest.importorskip("transformers")
    assert refused("text_to_speech.py", " ").endswith("the text is empty; give a word or more")


@pytest.mark.slow
def test_a_folder_without_mels_is_said(tmp_path: Path) -> None:
    assert refused("vocode_folder.py", tmp_path, tmp_path).endswith("holds no .npy file")


@pytest.mark.slow
def test_labels_become_sounds(tmp_path: Path) -> None:
    untrained(small_config(**LABELLED)).save(tmp_path / "model")
    words = ("digit=one", "speaker=theo", "--model", tmp_path / "model")
    said = run("generate.py", tmp_path / "out", *words, "--scale", 2)
    assert said.splitlines() == [str(tmp_path / f"out/one-theo-{n}.wav") for n in range(4)]
    sound, rate = soundfile.read(tmp_path / "out/one-theo-3.wav")
    assert (len(sound), rate) == (LABELLED["sampling"]["n_samples"], 22050)
    assert refused("generate.py", tmp_path, "seven").endswith(
        "give labels as KIND=NAME, such as digit=seven"
    )
    unknown = refused("generate.py", tmp_path, "digit=ten", "--model", tmp_path / "model")
    assert unknown == "error: digit='ten': this model has zero, one; choose accordingly"

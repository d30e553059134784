"""The model inside the package."""

from pathlib import Path

import numpy as np
import pytest
import torch

from audiodiff import Vocoder
from audiodiff.audio.io import load
from audiodiff.metrics.perceptual import estoi
from audiodiff.metrics.spectral import log_mel_mae
from audiodiff.model.hub import PRETRAINED
from audiodiff.training.config import read_train_config

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def vocoder() -> Vocoder:
    return Vocoder.from_pretrained("default")


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    return load(ROOT / "examples" / "arctic_a0016.wav")[0]


def test_it_is_what_the_recipe_trains(vocoder: Vocoder) -> None:
    recipe = read_train_config(ROOT / "recipes" / "speech" / "bandsplit.toml")
    assert vocoder.model.config == recipe.model
    assert (PRETRAINED / "default" / "model.safetensors").stat().st_size < 16e6


def test_what_it_makes_is_intelligible(vocoder: Vocoder, wave: np.ndarray) -> None:
    mel = vocoder.mel(vocoder.whole_frames(torch.from_numpy(wave)[None]))
    made = vocoder(mel)[0, : len(wave)].numpy()
    assert estoi(wave, made, 22050) > 0.95
    assert log_mel_mae(wave, made, 22050) < 0.1


def test_in_pieces_it_is_the_whole(wave: np.ndarray) -> None:
    vocoder = Vocoder.from_pretrained("default", precision="fp32")
    mel = vocoder.mel(torch.from_numpy(wave)[None, : 300 * 256])
    whole = vocoder(mel)
    pieces = list(vocoder.chunks(mel, chunk_frames=100))
    assert len(pieces) == 3
    # The projection onto the mel carries a little further than the context, and its many passes
    # make more of the last bits of a float.
    difference = (torch.cat(pieces, 1) - whole).square()
    assert difference.mean() < 1e-4 * whole.square().mean()
    seams = torch.cat([difference[:, i - 256 : i + 256] for i in (25600, 51200)])
    assert seams.max() < 1e-4 * whole.square().max()


def test_bf16_costs_nothing_that_is_heard(wave: np.ndarray) -> None:
    made = []
    for precision in ("fp32", "bf16"):
        vocoder = Vocoder.from_pretrained("default", precision=precision)
        mel = vocoder.mel(vocoder.whole_frames(torch.from_numpy(wave)[None]))
        made.append(vocoder(mel)[0, : len(wave)].numpy())
    exact, rounded = (estoi(wave, sound, 22050) for sound in made)
    assert rounded > exact - 0.01
    errors = [log_mel_mae(wave, sound, 22050) for sound in made]
    assert errors[1] < errors[0] + 0.01

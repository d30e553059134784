"""A U-Net on mels, from training to sound."""

from pathlib import Path

import pytest
import torch
from contracts import noise

from audiodiff import AudiodiffError, Generator, Model, ModelConfig, Run
from audiodiff.audio import io
from audiodiff.diffusion.noise import NoiseTape
from audiodiff.training.config import TrainConfig
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

MODEL = {
    "sample_rate": 22050,
    "codec": {"kind": "mel", "preset": "hifigan"},
    "network": {"kind": "unet", "widths": (32,), "n_blocks": 1},
    "schedule": {"kind": "cosine"},
    "target": "v",
    "sampling": {"times": [1.0, 0.5, 0.0]},
}


def model(**changes: object) -> Model:
    torch.manual_seed(0)
    return Model(ModelConfig.parse(MODEL | changes, "test"))


def test_a_trained_one_makes_sound(tmp_path: Path, one_thread: None) -> None:
    for n in range(3):
        io.save(tmp_path / f"clips/{n}.wav", 0.1 * noise(1, 8000)[0].numpy(), 22050)
    (tmp_path / "clips/dev.txt").write_text("0\n")
    values = {"model": MODEL, "steps": 3, "batch_size": 2, "data": {"crop_frames": 8}}
    config = TrainConfig.parse(values | {"log_every": 1, "eval_every": 3}, "test")
    train(config, [tmp_path / "clips"], tmp_path / "out", stop=Stop(), resume=False, say=print)
    generator = Generator.from_pretrained(tmp_path / "out/model", precision="fp32")
    made = generator.generate(seed=1, n_samples=5000)
    assert made.shape == (1, 5000)
    assert made.abs().max() > 1e-4
    assert torch.equal(made, generator.generate(seed=1, n_samples=5000))
    assert not torch.equal(made, generator.generate(seed=2, n_samples=5000))


def test_noise_is_drawn_in_the_shape_of_the_mel() -> None:
    """A mel of noise is no noise: what diffuses begins with unit variance in every band."""
    like = torch.zeros(2, 400 * 256)
    run = Run(times=[1.0, 0.999, 0.0])
    states = model().states(like, {}, run, NoiseTape([0, 1], [0, 0]))
    x = next(iter(states))  # after so short a step, all but the noise
    assert x.shape == (2, 80, 400)
    assert x.mean().item() == pytest.approx(0, abs=0.02)
    torch.testing.assert_close(x.std((0, 2)), torch.ones(80), rtol=0, atol=0.12)
    assert torch.corrcoef(x.flatten(1))[0, 1].abs() < 0.02


def test_a_vocoder_that_is_not_there_is_said() -> None:
    with pytest.raises(
        AudiodiffError, match="codec.vocoder='/nowhere' of this model cannot be used"
    ):
        Generator(model(codec={"kind": "mel", "vocoder": "/nowhere"}))


def test_its_rate_is_its_mels() -> None:
    with pytest.raises(AudiodiffError, match="sample_rate=16000 but codec.kind='mel' has 22050"):
        model(sample_rate=16000)

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from contracts import noise

from audiodiff.errors import AudiodiffError
from audiodiff.model import Model
from audiodiff.training.config import TrainConfig, read_train_config
from audiodiff.training.objectives import AdversarialLoss, Batch
from audiodiff.training.objectives.adversarial import balanced
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

RATE = 22050

TOML = """
steps = 4
batch_size = 3
log_every = 2
eval_every = 4
checkpoint_every = 2
[objective]
kind = "adversarial"
windows = [256, 1024]
periods = [2, 3]
spectrograms = [256]
n_channels = 2
diffusion_items = 1
[data]
crop_frames = 10
margin_frames = 2
[model]
sample_rate = 22050
mel = "hifigan"
target = "v"
codec = { kind = "stft" }
schedule = { kind = "rectified-flow" }
prior = { kind = "mel-envelope" }
sampling = { sampler = "consistency", times = [0.9, 0.5, 0.0] }
[model.network]
kind = "band-split"
bands = [[16, 16], [32, 8]]
n_channels = 16
n_layers = 2
n_mel_channels = 16
"""


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TOML)
    return path


def objective_of(config: TrainConfig) -> AdversarialLoss:
    """With a network that does something."""
    torch.manual_seed(0)
    model = Model(config.model)
    torch.nn.init.normal_(model.network.last.weight, std=0.3)
    return config.objective.build(model, config.setting)


def batch_of(config: TrainConfig) -> Batch:
    return Batch(0.1 * noise(3, config.n_samples), {}, seed=0, first=0)


def test_losses_are_balanced_by_the_norms_of_their_gradients():
    made = noise(2, 100).requires_grad_()
    small, large = (1e-3 * made).square().sum(), (100 * made[:, :50]).sum()
    loss = balanced(made, [(small, 1.0), (large, 0.5)])
    assert loss.item() == pytest.approx(small.item() + 0.5 * large.item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(loss, made)
    first, second = torch.autograd.grad(small + 0 * large, made, retain_graph=True)[0], None
    (second,) = torch.autograd.grad(large, made)
    torch.testing.assert_close(gradient, first + 0.5 * first.norm() * second / second.norm())


def test_each_side_learns_from_its_own_loss_alone(config_path):
    config = read_train_config(config_path, ["objective.diffusion_items=0"])
    batch, gradients = batch_of(config), {}
    for weight in (0.0, 1.0):
        objective = objective_of(
            read_train_config(
                config_path,
                [
                    "objective.diffusion_items=0",
                    f"objective.adversarial={weight}",
                    f"objective.features={weight}",
                ],
            )
        )
        objective(batch)[0].backward()
        gradients[weight] = [
            [parameter.grad.clone() for parameter in side.parameters()]
            for side in (objective.discriminators, objective.trained)
        ]
    # What the model wants from the discriminators does not move them, and it moves the model.
    for without, with_ in zip(gradients[0.0][0], gradients[1.0][0], strict=True):
        torch.testing.assert_close(without, with_)
    differences = [
        (without - with_).abs().max().item()
        for without, with_ in zip(gradients[0.0][1], gradients[1.0][1], strict=True)
    ]
    assert max(differences) > 1e-6


def test_discriminators_learn_to_tell_a_model_from_recordings(config_path):
    config = read_train_config(config_path, ["objective.n_channels=4"])
    objective, batch = objective_of(config), batch_of(config)
    optimizer = torch.optim.Adam(objective.discriminators.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        loss, figures = objective(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(figures["train/discriminators"].item())
    assert losses[-1] < 0.6 * losses[0]
    names = {"spectral", "mel", "features", "adversarial", "discriminators", "diffusion"}
    assert set(figures) == {f"train/{name}" for name in names}


def test_it_is_said_when_the_discriminators_have_won(config_path):
    objective = objective_of(read_train_config(config_path))
    assert objective.warning() is None
    objective.mean_loss.fill_(0.01)
    warning = objective.warning()
    assert warning is not None
    assert "lower optimizer.adamw_lr" in warning


def test_a_killed_finish_goes_on_as_if_it_had_not_been(config_path, tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    for i in range(3):
        tone = 0.1 * np.sin(np.arange(16000) * 2 * np.pi * (110 + 40 * i) / RATE)
        soundfile.write(clips / f"{i}.wav", tone, RATE)
    config, states = read_train_config(config_path), []
    for name, stops in (("whole", [Stop()]), ("parts", [Stop(step=2), Stop()])):
        for i, stop in enumerate(stops):
            train(config, [clips], tmp_path / name, stop=stop, resume=i > 0, say=print)
        states.append((tmp_path / name / "state.safetensors").read_bytes())
    assert states[0] == states[1]
    lines = (tmp_path / "whole" / "log.jsonl").read_text().splitlines()
    logged = set().union(*(json.loads(line) for line in lines))
    assert {"train/discriminators", "train/adversarial", "dev/spectral_2"} <= logged


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (["objective.periods=[]", "objective.spectrograms=[]"], "are both empty"),
        (["objective.spectrograms=[4096]"], "spectrograms holds 4096 but a crop has 2560 samples"),
        (["objective.windows=[4096]"], "windows holds 4096"),
        (["objective.mel=-1"], "objective.mel"),
    ],
)
def test_a_finish_that_cannot_be_is_refused(config_path, setting, message):
    with pytest.raises(AudiodiffError, match=message):
        read_train_config(config_path, setting)

import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from contracts import noise

from audiodiff.audio.distance import SpectralDistance
from audiodiff.errors import AudiodiffError
from audiodiff.model import Model, Run
from audiodiff.training.config import TrainConfig, read_train_config
from audiodiff.training.objectives import Batch, SpectralLoss
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

RATE = 22050
WINDOWS = (128, 512, 2048)

TOML = """
steps = 6
batch_size = 3
log_every = 3
eval_every = 3
loss = "l2"
spectral = { windows = [256, 1024], diffusion_items = 1 }
[data]
crop_frames = 8
margin_frames = 2
[model]
sample_rate = 22050
mel = "hifigan"
target = "v"
codec = { kind = "stft" }
schedule = { kind = "rectified-flow" }
prior = { kind = "mel-envelope" }
sampling = { sampler = "ddim", times = [0.9, 0.5, 0.0] }
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


@pytest.fixture
def distance() -> SpectralDistance:
    return SpectralDistance(WINDOWS, RATE)


def test_the_distance_sees_magnitudes_and_no_phase(distance):
    wave = 0.1 * noise(2, 8000)
    assert distance(wave, wave).tolist() == [0, 0]
    assert distance(-wave, wave).tolist() == [0, 0]
    assert (distance(wave + 0.01 * noise(2, 8000, seed=1), wave) > 0.05).all()


def test_a_gain_costs_its_logarithm_and_its_excess(distance):
    wave = 0.1 * noise(1, 40000)
    # In the logarithm (2 + q/S) / (1 + q/S) with q/S about 0.1 where S is near its mean.
    assert distance(2 * wave, wave).item() == pytest.approx(1 + math.log(2.1 / 1.1), abs=0.05)


def test_a_hole_beside_a_loud_tone_hardly_counts(distance):
    t = torch.arange(20000) / RATE
    tone = 0.3 * torch.sin(2 * torch.pi * 1000 * t)[None]
    floor = 1e-3 * noise(1, 20000)
    quiet = tone + floor / 30
    # 30 dB less noise: much where there is only noise, little within 350 Hz of a tone.
    assert distance(floor / 30, floor).item() > 2 * distance(quiet, tone + floor).item()


def test_emphasis_weighs_low_frequencies_and_leaves_white_noise_as_it_is():
    t = torch.arange(20000) / RATE
    wave = 0.05 * noise(1, 20000)
    louder = {f: wave + 0.2 * torch.sin(2 * torch.pi * f * t) for f in (300, 6000)}
    flat, mel, low = (SpectralDistance(WINDOWS, RATE, emphasis) for emphasis in (0.0, 1.0, 2.0))
    ratios = [(d(louder[300], wave) / d(louder[6000], wave)).item() for d in (flat, mel, low)]
    assert ratios == sorted(ratios)
    assert ratios[2] > 3 * ratios[1] > 6 * ratios[0]
    torch.testing.assert_close(low(2 * wave, wave), mel(2 * wave, wave), rtol=0.05, atol=0)


def test_silence_has_finite_distances_and_gradients(distance):
    wave = torch.zeros(1, 8000, requires_grad=True)
    for recording in (torch.zeros(1, 8000), 0.1 * noise(1, 8000)):
        (gradient,) = torch.autograd.grad(distance(wave, recording).sum(), wave)
        assert gradient.isfinite().all()


def objective_of(config: TrainConfig) -> SpectralLoss:
    """With a network that does something."""
    torch.manual_seed(0)
    model = Model(config.model)
    torch.nn.init.normal_(model.network.last.weight, std=0.3)
    return config.objective.build(model, config.setting)


@pytest.mark.parametrize("between", [0, 3])
def test_the_run_that_is_trained_is_the_models_own(config_path, between):
    config = read_train_config(config_path, [f"model.sampling.passes_between={between}"])
    objective = objective_of(config)
    model, batch = objective.model, Batch(0.1 * noise(3, config.n_samples), {}, seed=0, first=7)
    wave = batch.wave[[0, 2]]
    mel = model.log_mel(wave)[..., : wave.shape[-1] // 256]
    inner = slice(2 * 256, -2 * 256)
    with torch.no_grad():
        for call, times in enumerate([(0.9, 0.0), (0.9, 0.5, 0.0)]):
            run = Run(times=times, seed=(7, 9))
            made = model.make({"mel": mel}, wave.shape[-1], run)
            ours = objective.estimate(batch, range(0, 3, 2), call)
            torch.testing.assert_close(ours, (made[:, inner], wave[:, inner]))


@pytest.mark.parametrize(("between", "differs"), [(0, True), (1, False)])
def test_passes_between_calls_bear_no_gradient(config_path, between, differs):
    config = read_train_config(config_path, [f"model.sampling.passes_between={between}"])
    objective = objective_of(config)
    outputs = []
    objective.model.network.register_forward_hook(lambda *call: outputs.append(call[-1]))
    batch = Batch(0.1 * noise(1, config.n_samples), {}, seed=0, first=0)
    loss = objective.distance(*objective.estimate(batch, range(1), 1)).sum()
    first, second = torch.autograd.grad(loss, outputs, allow_unused=True)
    assert second.abs().max() > 0
    assert (first is not None) == differs


@pytest.mark.parametrize("first", [6, 7])
def test_the_crops_are_shared_between_the_losses(config_path, first):
    config = read_train_config(config_path)
    objective = objective_of(config)
    wave = 0.1 * noise(3, config.n_samples)
    batch = Batch(wave, {}, seed=0, first=first)
    loss, parts = objective(batch)
    # Each crop trains the call that its place in the sequence says.
    expected = {
        f"train/spectral_{place % 2 + 1}": objective.distance(
            *objective.estimate(batch, range(i, i + 1), place % 2)
        )
        for i, place in ((1, first + 1), (2, first + 2))
    }
    expected["train/diffusion"] = objective.diffusion.per_item(batch._replace(wave=wave[:1]))
    assert parts == pytest.approx({name: part.item() for name, part in expected.items()})
    assert loss.item() == pytest.approx(torch.cat(list(expected.values())).mean().item())


def test_the_model_learns_from_its_own_run(config_path):
    settings = ["spectral.diffusion_items=0", "model.network.n_layers=4"]
    config = read_train_config(config_path, settings)
    torch.manual_seed(0)
    objective = config.objective.build(Model(config.model), config.setting)
    t = torch.arange(config.n_samples) / RATE
    wave = torch.stack([0.2 * torch.sin(2 * torch.pi * f * t) for f in (300, 700, 1500)])
    batch = Batch(wave, {}, seed=0, first=0)
    optimizer = torch.optim.Adam(objective.parameters(), 3e-3)
    losses = []
    for _ in range(150):
        loss = objective(batch)[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_a_run_logs_both_losses(config_path, tmp_path):
    clips, out = tmp_path / "clips", tmp_path / "run"
    clips.mkdir()
    for i in range(3):
        tone = 0.1 * np.sin(np.arange(16000) * 2 * np.pi * (110 + 40 * i) / RATE)
        soundfile.write(clips / f"{i}.wav", tone, RATE)
    config = read_train_config(config_path)
    assert train(config, [clips], out, stop=Stop(), resume=False, say=print) == 6
    records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    names = set().union(*records)
    both = {f"{part}/spectral_{call}" for part in ("train", "dev") for call in (1, 2)}
    assert both | {"train/diffusion", "dev/loss"} <= names


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("spectral.windows=[4096]", "windows holds 4096 but a crop has 2048 samples"),
        ("spectral.diffusion_items=3", "leaves no crop of batch_size=3"),
    ],
)
def test_a_finish_that_cannot_be_is_refused(config_path, setting, message):
    with pytest.raises(AudiodiffError, match=message):
        read_train_config(config_path, [setting])


def test_a_model_without_a_mel_has_no_such_finish(config_path):
    values = read_train_config(config_path).model_dump(mode="json")
    values["model"] |= {
        "mel": None,
        "codec": {"kind": "waveform"},
        "prior": {"kind": "unit"},
        "network": {"kind": "diffwave", "n_mels": None, "n_channels": 4, "n_layers": 2},
    }
    with pytest.raises(AudiodiffError, match="needs a model with a mel; use"):
        TrainConfig.parse(values, "test")

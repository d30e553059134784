"""The autoencoder of a model's codec: it learns, and the model then keeps it."""

import json
from pathlib import Path

import pytest
import torch
from contracts import noise
from small_models import latent_config
from training_runs import assert_same_run

from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model
from audiodiff.pipelines.generator import Generator
from audiodiff.training.config import TrainConfig, read_train_config
from audiodiff.training.objectives import Batch
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

HOP = 4 * 256


def config_of(kind: str, **changes: object) -> TrainConfig:
    values = {
        "model": latent_config().model_dump(),
        "data": {"crop_frames": 4},
        "objective": {"kind": kind},
        "optimizer": {"kind": "muon", "lr": 0.01, "warmup": 0},
        "steps": 4,
        "batch_size": 2,
        "eval_every": 4,
        "checkpoint_every": 2,
    }
    return TrainConfig.parse(values | changes, "test")


def ended(config: TrainConfig, clips: Path, out: Path, init: Path | None = None) -> Path:
    """Trains to the end, and returns the model's directory."""
    train(config, [clips], out, stop=Stop(), resume=True, init=init, say=lambda line: None)
    return out / "model"


def test_it_fits_one_batch() -> None:
    config = config_of("autoencoder")
    torch.manual_seed(0)
    objective = config.objective.build(Model(config.model), config.setting)
    optimizer = torch.optim.Adam(objective.trained.parameters(), 3e-3)
    t = torch.arange(8 * HOP) / 22050
    wave = torch.stack([torch.sin(6.3 * 200 * t), torch.sin(6.3 * 700 * t * (1 + t))]) / 5
    before = objective.on_dev(batch := Batch(wave, {}, seed=0, first=0))
    for _ in range(100):
        optimizer.zero_grad()
        objective(batch)[0].backward()
        optimizer.step()
    after = objective.eval().on_dev(batch)
    assert after["dev/mel_error"] < before["dev/mel_error"] / 4
    assert after["dev/mel_error_of_mean"] < before["dev/mel_error_of_mean"] / 4
    assert after == objective.on_dev(batch)
    assert all(weight.grad is None for weight in objective.model.network.parameters())


LATE = {"kind": "autoencoder", "discriminator": {"start": 2, "n_channels": 4, "n_layers": 2}}


def test_a_discriminator_joins_late_and_its_run_resumes(clips: Path, tmp_path: Path) -> None:
    config = config_of("autoencoder", objective=LATE, log_every=1)
    out, cut = tmp_path / "out", tmp_path / "cut"
    ended(config, clips, out)
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    heard = {line["step"]: "train/discriminator" in line for line in lines if "train/loss" in line}
    assert heard == {1: False, 2: False, 3: True, 4: True}
    train(config, [clips], cut, stop=Stop(step=3), resume=False, say=lambda line: None)
    ended(config, clips, cut)
    assert_same_run(out, cut)
    assert not any("discriminator" in name for name in Model.load(out / "model").state_dict())


def test_before_it_joins_a_discriminator_changes_nothing() -> None:
    wave = noise(2, 8 * HOP) / 10
    losses, gradients = [], []
    for changes in ({"objective": LATE}, {}):
        config = config_of("autoencoder", **changes)
        torch.manual_seed(0)
        objective = config.objective.build(Model(config.model), config.setting)
        loss, _ = objective(Batch(wave, {}, seed=0, first=0, step=1))
        loss.backward()
        losses.append(loss.item())
        gradients.append([w.grad for w in objective.trained.parameters()])
        if objective.opponent is not None:
            assert not any(w.grad.any() for w in objective.opponent.parameters())
    assert losses[0] == losses[1]
    assert all(map(torch.equal, *gradients))


def test_both_sides_learn_against_each_other() -> None:
    """A fixed decoder is told from recordings; a fixed discriminator comes to be deceived."""
    config = config_of("autoencoder", objective=LATE)
    torch.manual_seed(0)
    objective = config.objective.build(Model(config.model), config.setting)
    assert objective.opponent is not None
    batch = Batch(noise(2, 8 * HOP) / 10, {}, seed=0, first=0, step=2)

    def figures_after(n: int, side: torch.nn.Module) -> dict[str, float]:
        optimizer = torch.optim.Adam(side.parameters(), 3e-3)
        for _ in range(n):
            objective.zero_grad()
            loss, figures = objective(batch)
            loss.backward()
            optimizer.step()
        return {name: figure.item() for name, figure in figures.items()}

    before = figures_after(1, objective.opponent)
    told = figures_after(30, objective.opponent)
    assert told["train/discriminator"] < 0.5 * before["train/discriminator"]
    deceived = figures_after(30, objective.trained)
    assert deceived["train/adversarial"] < 0.7 * told["train/adversarial"]
    assert deceived["train/mel_error"] < told["train/mel_error"]


def test_a_model_is_trained_on_its_latents_and_keeps_it(clips: Path, tmp_path: Path) -> None:
    first = ended(config_of("autoencoder"), clips, tmp_path / "autoencoder")
    config = config_of("diffusion")
    second = ended(config, clips, tmp_path / "model", first)
    wave = noise(1, 6 * HOP) / 10
    before, after = Model.load(first), Model.load(second)
    assert torch.equal(after.codec.encode(wave), before.codec.encode(wave))
    assert not torch.equal(after.network.output.weight, before.network.output.weight)
    made = Generator.from_pretrained(second).generate(2, n_samples=3000, n_steps=2)
    assert made.shape == (2, 3000)
    # Stopped and resumed without --init, it is the same run.
    cut = tmp_path / "cut"
    train(config, [clips], cut, stop=Stop(step=2), resume=False, init=first, say=lambda line: None)
    ended(config, clips, cut)
    assert_same_run(tmp_path / "model", cut)


def test_a_codec_without_its_weights_is_refused(clips: Path, tmp_path: Path) -> None:
    said = "codec.kind='latent' has weights that this run does not train; .* give that model as"
    with pytest.raises(AudiodiffError, match=said):
        ended(config_of("diffusion"), clips, tmp_path / "out")
    Model(latent_config()).save(tmp_path / "other")
    wider = latent_config(codec={"kind": "latent", "autoencoder": {"n_latents": 8}})
    config = config_of("diffusion", model=wider.model_dump())
    with pytest.raises(AudiodiffError, match="its codec is not the config's; start from a model"):
        ended(config, clips, tmp_path / "another", tmp_path / "other")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("model.codec.kind=mel", "objective.kind='autoencoder' trains codec.kind='latent', not 'm"),
        ("objective.kind=classifier", "cannot train on codec.kind='latent', whose weights it"),
        ("model.network.shape=[9]", r"network.shape=\[9\] but codec.kind='latent' makes states of"),
        ("objective.divergence=nan", "objective.divergence"),
        ("objective.discriminator={ start = -1 }", "objective.discriminator.start: input should"),
        ("objective.discriminator={ weight = 2000 }", "objective.discriminator.weight: input sho"),
        ("objective.discriminator={ n_layers = 7 }", "objective.discriminator.n_layers: input"),
        ("objective.discriminator={ n_channels = 0 }", "objective.discriminator.n_channels: inp"),
    ],
)
def test_what_does_not_fit_is_refused(setting: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        """
        objective = { kind = "autoencoder" }
        [model]
        sample_rate = 22050
        target = "v"
        labels = { digit = ["one", "two"] }
        codec = { kind = "latent", autoencoder = { n_latents = 80 } }
        network = { kind = "unet", shape = [80], widths = [32] }
        schedule = { kind = "cosine" }
        sampling = { times = [1.0, 0.0] }
        """
    )
    settings = [setting]
    if setting.endswith("mel"):
        settings = ["model.codec={ kind = 'mel' }"]
    with pytest.raises(AudiodiffError, match=said):
        read_train_config(path, settings)

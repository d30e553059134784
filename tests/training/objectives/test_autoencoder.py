"""The autoencoder of a model's codec: it learns, and the model then keeps it."""

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

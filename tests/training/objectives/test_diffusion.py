import math
from pathlib import Path

import pytest
import torch
from contracts import noise
from small_models import small_config, untrained
from training_runs import EPS_SCHEDULE, STFT

from audiodiff._types import Condition
from audiodiff.diffusion.noise import white_noise
from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model
from audiodiff.training.config import read_train_config
from audiodiff.training.objectives.contract import Batch
from audiodiff.training.objectives.diffusion import DiffusionConfig, DiffusionLoss, TimesConfig


def objective_of(config_path: Path, *settings: str) -> DiffusionLoss:
    config = read_train_config(config_path, ["loss=l2", *settings])
    return config.objective.build(Model(config.model), config.setting)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["eps", "v", "x0"])
def test_the_model_fits_one_batch(target: str, config_path: Path) -> None:
    torch.manual_seed(0)
    sizes = ("model.network.n_channels=16", "model.network.n_layers=6")
    objective = objective_of(config_path, EPS_SCHEDULE, f"model.target={target}", *sizes)
    optimizer = torch.optim.Adam(objective.parameters(), 2e-3)
    t = torch.arange(1024) / 22050
    wave = torch.stack([0.2 * torch.sin(2 * torch.pi * f * t) for f in (220, 500, 900, 1500)])
    batch = Batch(wave, {}, seed=0, first=0)
    losses = []
    for _ in range(150):
        loss, _ = objective(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    # Not the last one: at a rate that is quick, Adam may jump out again.
    assert min(losses) < 0.35 * losses[0]


def test_priorgrads_loss_is_its_formula(config_path: Path) -> None:
    torch.manual_seed(0)
    objective = objective_of(config_path, EPS_SCHEDULE, "model.target=eps")
    model = objective.model
    torch.nn.init.normal_(model.network.output.weight)
    wave = torch.randn(2, 2048) / 10
    batch = Batch(wave, {}, seed=3, first=0)
    loss, _ = objective(batch)
    mel = model.log_mel(batch.wave)
    t = objective.times.at(batch.places, model.schedule.t_min)
    white = torch.stack([white_noise((3, place), (2048,)) for place in batch.places])
    std = model.prior.color(torch.ones_like(batch.wave), model.prior.condition({"mel": mel}))
    eps = std * white
    alpha = model.schedule.alpha(t).float()[:, None]
    sigma = model.schedule.sigma(t).float()[:, None]
    x_t = alpha * batch.wave + sigma * eps
    level = model.network.level(model.schedule, t)
    y = std * model.network(x_t / std, level, model.network.condition({"mel": mel}))
    torch.testing.assert_close(loss, (((eps - y) / std) ** 2).mean())


@pytest.mark.parametrize("settings", [[], STFT])
def test_margins_are_heard_but_not_learned_from(config_path: Path, settings: list[str]) -> None:
    wave, white = noise(2, 2, 24 * 256) / 10
    t = torch.full((2,), 0.5, dtype=torch.float64)
    others = [x.clone() for x in (wave, white)]
    for x in others:
        x[:, :512] = x[:, -512:] = 0
    for margin, same in ((4, True), (0, False)):
        torch.manual_seed(0)
        objective = objective_of(config_path, *settings, f"data.margin_frames={margin}")
        loss, other = (
            objective.of(objective.clean_of(x, {}, eps), t) for x, eps in ((wave, white), others)
        )
        assert torch.equal(loss, other) is same


def test_frequencies_above_the_mels_weigh_what_the_config_says(config_path: Path) -> None:
    wave, white = noise(2, 2, 24 * 256) / 10
    t = torch.full((2,), 0.5, dtype=torch.float64)
    changes = []
    for weight in (0.0, 0.2, 1.0):
        torch.manual_seed(0)
        objective = objective_of(config_path, *STFT, f"above_f_max={weight}")
        weights = objective.get_buffer("weight")[:, 0]
        assert weights.mean().item() == pytest.approx(1)
        # Bin 371 lies under 8000 Hz, bin 372 above.
        torch.testing.assert_close(weights[:372], weights[0].expand(372))
        torch.testing.assert_close(weights[372:], weight * weights[0].expand(140))
        high = torch.sin(2 * torch.pi * 10000 * torch.arange(24 * 256) / 22050)
        loss, other = (
            objective.of(objective.clean_of(x, {}, white), t).mean() for x in (wave, wave + high)
        )
        changes.append((other / loss - 1).item())
    assert abs(changes[0]) < 1e-4
    assert 0.01 < changes[1] < 0.5 * changes[2]


def test_losses_do_not_depend_on_how_batches_are_cut(config_path: Path) -> None:
    objective = objective_of(config_path)
    wave = 0.1 * noise(6, 2048)
    whole = objective.per_item(Batch(wave, {}, seed=1, first=10))
    part = objective.per_item(Batch(wave[2:5], {}, seed=1, first=12))
    torch.testing.assert_close(part, whole[2:5])
    counts = torch.histc(TimesConfig().at(range(1000), 0.0), 10, 0, 1)
    assert counts.min() >= 98
    assert counts.max() <= 102


def test_labels_are_left_open_as_often_as_the_config_says() -> None:
    network = {"kind": "diffwave", "n_channels": 4, "n_layers": 2, "n_mels": None}
    model = untrained(
        small_config(mel=None, labels=("a", "b"), network=network, prior={"kind": "unit"})
    )
    seen: list[int] = []
    condition = model.network.condition

    def listening(cond: Condition) -> object:
        seen.extend(cond["label"].tolist())
        return condition(cond)

    model.network.condition = listening
    objective = DiffusionLoss(DiffusionConfig(drop={"label": 0.2}), model)
    label = torch.ones(500, dtype=torch.long)
    whole = Batch(torch.zeros(500, 8), {"label": label}, seed=0, first=0)
    objective.per_item(whole)
    assert set(seen) == {1, -1}
    assert seen.count(-1) / 500 == pytest.approx(0.2, abs=0.06)
    assert label.eq(1).all()  # the batch itself is left alone
    again, seen[:] = list(seen), []
    objective.per_item(Batch(torch.zeros(20, 8), {"label": label[:20]}, seed=0, first=30))
    assert seen == again[30:50]


def test_texts_are_left_open_whole() -> None:
    network = {"kind": "unet", "shape": (), "patch": 8, "widths": (32,), "text": {"width": 32}}
    config = small_config(mel=None, network=network, prior={"kind": "unit"})
    model = untrained(config)
    seen: list[torch.Tensor] = []
    condition = model.network.condition

    def listening(cond: Condition) -> object:
        seen.append(cond["text"])
        return condition(cond)

    model.network.condition = listening
    objective = DiffusionLoss(DiffusionConfig(drop={"text": 0.5}), model)
    text = torch.tensor([[110, 105, 110, 101]] * 20)
    objective.per_item(Batch(torch.zeros(20, 8), {"text": text}, seed=0, first=0))
    is_open = seen[0].eq(-1)
    assert torch.equal(is_open.any(1), is_open.all(1))
    assert 0 < is_open.all(1).sum() < 20
    assert torch.equal(seen[0][~is_open], text[~is_open])


def test_only_labels_and_texts_of_the_model_are_dropped(config_path: Path) -> None:
    with pytest.raises(AudiodiffError, match="cannot leave 'mel' open; it takes no labels and no"):
        read_train_config(config_path, ["objective.drop={mel=0.1}"])


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.4, 1.0), (-1.0, 0.5)])
def test_logit_normal_times_have_its_quantiles(mean: float, std: float) -> None:
    config = TimesConfig(kind="logit-normal", mean=mean, std=std)
    t = config.at(range(4000), 0.0)
    assert t.dtype == torch.float64
    assert ((t > 0) & (t < 1)).all()
    for z in (-2.0, -1.0, 0.0, 1.0, 2.0):
        part = (1 + math.erf(z / math.sqrt(2))) / 2
        expected = 1 / (1 + math.exp(-(mean + std * z)))
        assert t.quantile(part).item() == pytest.approx(expected, abs=0.005)
    late = config.at(range(4000), 0.3)
    torch.testing.assert_close(late, 0.3 + 0.7 * t)

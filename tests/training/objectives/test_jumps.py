"""Students that are told where a step ends, of models whose flow is known and of small ones."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from contracts import F64, GaussianData, noise
from plane import Exact, clean, distance_to_data, fit, points, student
from schedule_examples import EXAMPLES
from small_models import LABELLED, small_config, untrained
from torch import Tensor, nn

from audiodiff._types import Schedule
from audiodiff.diffusion.targets import expand, scaled, x0_weights
from audiodiff.errors import AudiodiffError
from audiodiff.guidance import ClassifierFree
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.samplers.exponential import first_order_weights
from audiodiff.search.session import Session, Task
from audiodiff.training.objectives.contract import Batch
from audiodiff.training.objectives.diffusion import Clean, DiffusionConfig, DiffusionLoss
from audiodiff.training.objectives.distillation import Teacher, student_of
from audiodiff.training.objectives.jumps import JumpsLoss
from audiodiff.training.objectives.meanflow import MeanFlowConfig, MeanFlowLoss, along
from audiodiff.training.objectives.shortcut import ShortcutConfig, ShortcutLoss

PLANE = {"kind": "plane", "takes_end": True}


def shortcut(model: Model, teacher: Teacher | None) -> JumpsLoss:
    return ShortcutLoss(ShortcutConfig(n_most=16), DiffusionLoss(DiffusionConfig(), model), teacher)


def meanflow(model: Model, teacher: Teacher | None) -> JumpsLoss:
    return MeanFlowLoss(MeanFlowConfig(), DiffusionLoss(DiffusionConfig(), model), teacher)


METHODS = pytest.mark.parametrize("method", [shortcut, meanflow])
Method = Callable[[Model, Teacher | None], JumpsLoss]


@METHODS
def test_a_student_fits_one_batch(method: Method) -> None:
    torch.manual_seed(0)
    objective = method(student([1.0, 0.5, 0.0], network=PLANE), Exact())
    batch = Batch(points(8, torch.Generator().manual_seed(0)), {}, seed=0, first=0)

    def error() -> float:
        return sum(figure.item() for figure in objective(batch)[1].values())

    first = error()
    fit(objective, lambda progress: objective(batch)[0], 60, lr=1e-2)
    assert error() < 0.3 * first


class KnownMeans(nn.Module):
    """A network that knows where the flow of Gaussian data goes, as the mean of its estimates."""

    takes_end = True

    def __init__(self, data: GaussianData, target: str) -> None:
        super().__init__()
        self.data, self.target = data, target

    def level(self, schedule: Schedule, t: Tensor) -> Tensor:
        return t

    def condition(self, cond: object) -> None:
        return None

    def forward(self, x: Tensor, t: Tensor, features: None, r: Tensor | None = None) -> Tensor:
        schedule, instant = self.data.schedule, self.data(x, t)
        if r is None:
            mean = instant
        else:
            kept, new = first_order_weights(schedule, t, r)
            jump = (self.data.flow(x, t, r) - scaled(kept, x)) / expand(
                torch.where(new > 0, new, 1), x
            )
            mean = torch.where(expand((r < t).to(x), x) > 0, jump, instant)
        of_x, of_y = x0_weights(self.target, schedule, t)
        return (mean - scaled(of_x, x)) / expand(of_y, x)


@METHODS
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_student_that_is_right_is_its_own_target(name: str, method: Method) -> None:
    schedule = EXAMPLES[name]
    data = GaussianData(schedule)

    class Gaussian(Exact):
        def denoiser(self, cond: object, n_samples: int) -> GaussianData:
            return data

    model = student([1.0, 0.0], schedule=schedule.model_dump(), target="v", network=PLANE)
    model.network = KnownMeans(data, "v")
    objective = method(model, Gaussian())
    x_t, t = noise(4, 3).double(), torch.tensor([0.9, 0.5, 0.4, 1.0], dtype=F64)
    r = t - torch.tensor([0.5, 0.25, 1 / 8, 0.5], dtype=F64)
    crops = Clean(x_t, x_t, {})
    target = objective.target(crops, x_t, t, r)
    kept, new = first_order_weights(schedule, t, r)
    torch.testing.assert_close(
        scaled(kept, x_t) + scaled(new, target), data.flow(x_t, t, r), rtol=1e-5, atol=1e-5
    )


@METHODS
def test_every_step_is_trained(method: Method) -> None:
    t, r = method(student([1.0, 0.0], network=PLANE), None).steps_at(range(2000))
    assert ((t <= 1) & (r < t) & (r >= 0)).all()
    if method is shortcut:
        n = 1 / (t - r)
        assert n.unique().tolist() == [1, 2, 4, 8, 16]
        assert len(torch.stack([t, r]).unique(dim=1)[0]) == 31
    else:
        assert t.min() >= 1e-3
        assert (t - r).max() > 0.95


def test_the_slope_through_attention_is_that_of_differences() -> None:
    network = {"kind": "unet", "widths": (32, 32), "n_blocks": 1, "window": 4, "takes_end": True}
    model = untrained(
        small_config(mel=None, codec={"kind": "mel"}, network=network, prior={"kind": "unit"})
    )
    for parameter in model.network.parameters():
        nn.init.normal_(parameter, std=0.1)
    x, velocity = noise(2, 80, 6), noise(2, 80, 6, seed=1)
    t, h = torch.tensor([0.4, 0.7], dtype=F64), 2e-3
    denoise = student_of(model, Clean(x, x, {})).toward(t / 2)
    with torch.no_grad():
        mean, slope = along(denoise, x, t, velocity)
        ends = [denoise(x + sign * h * velocity, t + sign * h) for sign in (1, -1)]
    torch.testing.assert_close(mean, denoise(x, t))
    error = (slope - (ends[0] - ends[1]) / (2 * h)).square().mean()
    assert error < 1e-4 * slope.square().mean()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> tuple[Model, list[tuple[Tensor, Tensor | None]]]:
    """A model of labels whose network is told the step's end, and what it is told."""
    network = LABELLED["network"] | {"takes_end": True}
    model = untrained(small_config(**(LABELLED | {"network": network})))
    calls, forward = [], model.network.forward

    def spy(x: Tensor, level: Tensor, features: object, end: Tensor | None = None) -> Tensor:
        calls.append((level, end))
        return forward(x, level, features, end)

    monkeypatch.setattr(model.network, "forward", spy)
    return model, calls


@torch.no_grad()
def test_a_run_tells_the_network_where_each_step_ends(
    told: tuple[Model, list[tuple[Tensor, Tensor | None]]],
) -> None:
    model, calls = told
    cond = {"digit": torch.tensor([0, 1]), "speaker": torch.tensor([0, 1])}
    model.make(cond, 2048, Run("ddim", times=(0.9, 0.6, 0.0), seed=(1, 2), guidance=()))
    times = torch.tensor([0.9, 0.6, 0.0], dtype=F64)
    levels = model.network.level(model.schedule, times).tolist()
    assert [(level[0].item(), end[0].item()) for level, end in calls] == [
        (levels[0], levels[1]),
        (levels[1], levels[2]),
    ]
    calls.clear()
    # Guidance asks for the same step, and the likelihood for none.
    run = Run(
        "ddim", times=(0.9, 0.0), seed=(1, 2), guidance=[ClassifierFree()], guidance_scale=2.0
    )
    model.make(cond, 2048, run)
    assert [(len(level), end.tolist()) for level, end in calls] == [(4, [levels[2]] * 4)]
    calls.clear()
    model.context(cond, 2048).denoiser(cond)(noise(2, 2048), times[:2])
    assert calls[0][1] is None


def test_no_times_are_searched_for_a_network_that_is_told_them(
    told: tuple[Model, object], tmp_path: Path
) -> None:
    told[0].save(tmp_path)
    with pytest.raises(AudiodiffError, match="search for those of its teacher"):
        Session(tmp_path, Task([tmp_path], None, [2], "grid"), print)


@METHODS
def test_one_and_two_steps_reach_the_data(method: Method) -> None:
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    model = student([1.0, 0.5, 0.0], network=PLANE)
    objective, batch = method(model, Exact()), 128
    n, first = objective.n_jumps(batch), 0

    def loss(progress: float) -> Tensor:
        nonlocal first
        places, first = range(first, first + batch), first + batch
        times = objective.diffusion.times.at(places[n:], model.schedule.t_min)
        jumps = objective.of_jumps(clean(n, generator), *objective.steps_at(places[:n]))
        still = objective.of_times(clean(batch - n, generator), times)
        return objective.weighted(torch.cat([jumps, still])).mean()

    fit(objective, loss, 150, lr=8e-3)
    assert distance_to_data(model, Run(n_steps=1)) < 0.2
    assert distance_to_data(model, Run()) < 0.2

"""Data in the plane whose best estimate is known, and a network small enough to learn it."""

from collections.abc import Callable
from typing import ClassVar, Literal
from unittest.mock import patch

import torch
from small_models import small_config
from torch import Tensor, nn

from audiodiff._types import Condition, Denoiser, Schedule
from audiodiff.diffusion.schedules import Cosine
from audiodiff.diffusion.targets import expand
from audiodiff.diffusion.times import TimeGrid, log_snr, uniform
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.networks import NETWORKS, NetworkConfig
from audiodiff.training.objectives.contract import Objective
from audiodiff.training.objectives.diffusion import Clean
from audiodiff.training.objectives.distillation import Teacher

SCHEDULE = Cosine()
CENTRES, STD = torch.tensor([[1.2, 0.0], [-0.6, 1.0], [-0.6, -1.0]]), 0.15
"""Three Gaussians of one weight."""


class PlaneConfig(NetworkConfig):
    """An MLP of two numbers and a noise level."""

    codec: ClassVar[str] = "waveform"
    can_take_end: ClassVar[bool] = True
    kind: Literal["plane"] = "plane"
    width: int = 64

    @property
    def parts(self) -> dict[str, int]:
        return {}

    @property
    def receptive_radius(self) -> int:
        return 1

    def build(self) -> nn.Module:
        return Plane(self)


class Plane(nn.Module):
    def __init__(self, config: PlaneConfig) -> None:
        super().__init__()
        width, self.takes_end = config.width, config.takes_end
        self.layers = nn.Sequential(
            nn.Linear(10 if config.takes_end else 6, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, 2),
        )  # fmt: skip

    def level(self, schedule: Schedule, t: Tensor) -> Tensor:
        return log_snr(schedule, t).clamp(-12, 12)

    def condition(self, cond: Condition) -> None:
        return None

    def forward(
        self, x_t: Tensor, level: Tensor, features: None, end: Tensor | None = None
    ) -> Tensor:
        known = [level, level if end is None else end] if self.takes_end else [level]
        return self.layers(torch.cat([x_t, *(levels(one.to(x_t)) for one in known)], 1))


def levels(level: Tensor) -> Tensor:
    angle = torch.sigmoid(level / 4) * torch.pi
    return torch.stack([level / 6, angle.sin(), angle.cos(), (2 * angle).cos()], 1)


def student(times: list[float], **changes: object) -> Model:
    """A new model of the plane, whose run visits these times."""
    parts = {
        "mel": None,
        "network": {"kind": "plane"},
        "prior": {"kind": "unit"},
        "sampling": {"sampler": "ddim", "times": times},
    }
    with patch.dict(NETWORKS, {"plane": PlaneConfig}):
        return Model(small_config(**(parts | changes)))


class Exact(Teacher):
    """A teacher that knows the best estimate."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def denoiser(self, cond: Condition, n_samples: int) -> Denoiser:
        return exact

    def times(self, n_steps: int) -> TimeGrid:
        return uniform(SCHEDULE, n_steps)


def exact(x_t: Tensor, t: Tensor) -> Tensor:
    """``E[x_0 | x_t]``."""
    alpha, sigma = (expand(f(t), x_t) for f in (SCHEDULE.alpha, SCHEDULE.sigma))
    variance = (alpha * STD).square() + sigma.square()
    away = x_t[:, None] - alpha[..., None] * CENTRES
    shares = (-away.square().sum(-1) / (2 * variance)).softmax(-1)
    estimates = CENTRES + (alpha * STD**2 / variance)[..., None] * away
    return (shares[..., None] * estimates).sum(1)


def points(n: int, generator: torch.Generator) -> Tensor:
    """Points of the data."""
    of = torch.randint(len(CENTRES), (n,), generator=generator)
    return CENTRES[of] + STD * torch.randn(n, 2, generator=generator)


def clean(n: int, generator: torch.Generator) -> Clean:
    """Points with noise."""
    return Clean(points(n, generator), torch.randn(n, 2, generator=generator), {})


@torch.no_grad()
def made(model: Model, run: Run, n: int = 1000) -> Tensor:
    """Points at the end of a run of a model."""
    seeds = tuple(range(n))
    return model.make({}, 2, Run(run.sampler, run.n_steps, run.times, seeds))


def energy_distance(one: Tensor, other: Tensor) -> float:
    """``2 E|X - Y| - E|X - X'| - E|Y - Y'|``, which is 0 only for one distribution."""
    across, within, without = (
        torch.cdist(a, b).sum() / (len(a) * (len(b) - (a is b)))
        for a, b in ((one, other), (one, one), (other, other))
    )
    return (2 * across - within - without).item()


def fit(
    objective: Objective, loss: Callable[[float], Tensor], n_steps: int, lr: float = 4e-3
) -> None:
    """Trains by a loss of the share of the training that is over."""
    optimizer = torch.optim.Adam(objective.trained.parameters(), lr)
    for step in range(n_steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - step / n_steps)
        optimizer.zero_grad()
        loss(step / n_steps).backward()
        optimizer.step()


def distance_to_data(model: Model, run: Run) -> float:
    """As a share of that of the data's mean, where one step of the best estimate ends."""
    data = points(500, torch.Generator().manual_seed(99))
    mean = CENTRES.mean(0).expand(500, 2)
    return energy_distance(made(model, run, 500), data) / energy_distance(mean, data)

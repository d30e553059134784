"""Noise schedules: alpha and sigma of ``x_t = alpha(t) x_0 + sigma(t) eps``.

Every schedule has alpha(0) = 1 and sigma(0) = 0 and its log-SNR ``log(alpha^2 / sigma^2)`` falls
with t. A schedule is a frozen config, so a checkpoint stores it as it is. Times are best kept in
float64: near the data ``1 - alpha`` has few digits left in float32.
"""

import math
from functools import cached_property
from typing import Annotated, Literal, Protocol, TypeAlias

import torch
from pydantic import Field, field_validator, model_validator
from torch.nn.functional import softplus

from audiodiff._types import Schedule, Times
from audiodiff.config import MAX_STEPS, Config, StepCount, of_kind

TMin = Annotated[float, Field(gt=0, lt=1)]
"""The smallest time that training visits."""

Positive = Annotated[float, Field(ge=1e-6, le=1e6)]
"""A coefficient whose powers and logarithms are finite."""


def _sigma_from_alpha(alpha: Times) -> Times:
    """The noise of a variance-preserving schedule, sqrt(1 - alpha^2), without cancellation."""
    return ((1 - alpha) * (1 + alpha)).clamp(min=0).sqrt()


class _BetaList(Config):
    """Discrete variance-preserving steps made continuous.

    Step n of N stands at t = n / N with alpha^2 = prod_{i <= n} (1 - beta_i); between two steps
    alpha is linear in t, which is how LMNT's DiffWave aligns a fast schedule to the trained one.
    """

    @property
    def step_betas(self) -> tuple[float, ...]:
        """The variance of each step, beta_1 ... beta_N."""
        raise NotImplementedError

    @property
    def t_min(self) -> float:
        """The first trained step, 1 / N."""
        return 1 / len(self.step_betas)

    @cached_property
    def _knots(self) -> tuple[float, ...]:
        """Alpha at steps 0 ... N; not a tensor, as pydantic also compares cached values."""
        betas = torch.tensor(self.step_betas, dtype=torch.float64)
        return 1.0, *(1 - betas).cumprod(0).sqrt().tolist()

    def alpha(self, t: Times) -> Times:
        """sqrt(alpha_bar), linear between steps."""
        knots = t.new_tensor(self._knots)
        position = t.clamp(0, 1) * (len(knots) - 1)
        below = position.floor().clamp(max=len(knots) - 2).long()
        return torch.lerp(knots[below], knots[below + 1], position - below)

    def sigma(self, t: Times) -> Times:
        """sqrt(1 - alpha^2)."""
        return _sigma_from_alpha(self.alpha(t))

    def t_of_log_snr(self, log_snr: Times) -> Times:
        """The inverse of the log-SNR; beyond the last step it stays at t = 1."""
        knots = log_snr.new_tensor(self._knots)
        alpha = torch.sigmoid(log_snr).sqrt().clamp(min=knots[-1])
        above = torch.searchsorted(-knots, -alpha).clamp(1, len(knots) - 1)
        fraction = (knots[above - 1] - alpha) / (knots[above - 1] - knots[above])
        return (above - 1 + fraction) / (len(knots) - 1)


class Betas(_BetaList):
    """A list of DDPM step variances (arXiv:2006.11239).

    Examples:
        >>> schedule = Betas(betas=(0.1, 0.5))
        >>> schedule.alpha(torch.tensor([0.0, 0.5, 1.0])) ** 2
        tensor([1.0000, 0.9000, 0.4500])
    """

    kind: Literal["betas"] = "betas"
    betas: tuple[float, ...] = Field(min_length=1, max_length=MAX_STEPS)

    @field_validator("betas")
    @classmethod
    def _between_0_and_1(cls, betas: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 < beta < 1 for beta in betas):
            raise ValueError("every beta lies between 0 and 1")
        return betas

    @property
    def step_betas(self) -> tuple[float, ...]:
        """The list itself."""
        return self.betas


class LinearBetas(_BetaList):
    """``n_steps`` equally spaced variances; the defaults are DiffWave's (arXiv:2009.09761)."""

    kind: Literal["linear"] = "linear"
    n_steps: StepCount = 50
    beta_start: float = Field(default=1e-4, gt=0, lt=1)
    beta_end: float = Field(default=0.05, gt=0, lt=1)

    @property
    def step_betas(self) -> tuple[float, ...]:
        """linspace(beta_start, beta_end, n_steps)."""
        betas = torch.linspace(self.beta_start, self.beta_end, self.n_steps, dtype=torch.float64)
        return tuple(betas.tolist())


class Cosine(Config):
    """alpha = cos(pi/2 (t + s) / (1 + s)) / cos(pi/2 s / (1 + s)) (arXiv:2102.09672, eq. 17)."""

    kind: Literal["cosine"] = "cosine"
    s: float = Field(default=0.008, ge=0, lt=1)
    t_min: TMin = 1e-3

    def _angle(self, t: Times) -> Times:
        return (t + self.s) / (1 + self.s) * (math.pi / 2)

    def alpha(self, t: Times) -> Times:
        """The cosine; zero at t = 1."""
        return (self._angle(t).cos() / self._angle(torch.zeros_like(t)).cos()).clamp(0, 1)

    def sigma(self, t: Times) -> Times:
        """sqrt(1 - alpha^2)."""
        return _sigma_from_alpha(self.alpha(t))

    def t_of_log_snr(self, log_snr: Times) -> Times:
        """Inverts alpha = sqrt(sigmoid(log_snr))."""
        start = self._angle(torch.zeros_like(log_snr))
        angle = (torch.sigmoid(log_snr).sqrt() * start.cos()).arccos()
        return angle / (math.pi / 2) * (1 + self.s) - self.s


class _IntegratedBeta(Config):
    """log alpha = -t^2 (beta_max - beta_min) / 4 - t beta_min / 2 (arXiv:2011.13456, eq. 33)."""

    beta_min: Positive = 0.1
    beta_max: Positive = 20.0
    t_min: TMin = 1e-3

    def alpha(self, t: Times) -> Times:
        """Minus half the integral of beta, exponentiated."""
        return (-self._integral(t) / 2).exp()

    def _integral(self, t: Times) -> Times:
        return t * self.beta_min + t.square() * (self.beta_max - self.beta_min) / 2

    def _t_of_integral(self, integral: Times) -> Times:
        slope = self.beta_max - self.beta_min
        return 2 * integral / (self.beta_min + (self.beta_min**2 + 2 * slope * integral).sqrt())


class VP(_IntegratedBeta):
    """The variance-preserving SDE in continuous time (arXiv:2011.13456)."""

    kind: Literal["vp"] = "vp"

    def sigma(self, t: Times) -> Times:
        """sqrt(1 - alpha^2)."""
        return (-torch.expm1(-self._integral(t))).sqrt()

    def t_of_log_snr(self, log_snr: Times) -> Times:
        """Inverts -2 log alpha = log(1 + exp(-log_snr))."""
        return self._t_of_integral(softplus(-log_snr))


class SubVP(_IntegratedBeta):
    """The sub-variance-preserving SDE: sigma = 1 - alpha^2 (arXiv:2011.13456, eq. 29)."""

    kind: Literal["sub-vp"] = "sub-vp"

    def sigma(self, t: Times) -> Times:
        """1 - alpha^2."""
        return -torch.expm1(-self._integral(t))

    def t_of_log_snr(self, log_snr: Times) -> Times:
        """Solves k alpha^2 + alpha - k = 0 for k = alpha / sigma."""
        ratio = (log_snr / 2).exp()
        alpha = 2 * ratio / (1 + (1 + 4 * ratio.square()).sqrt())
        return self._t_of_integral(-2 * alpha.log())


class VE(Config):
    """Exploding variance: sigma^2 = sigma_min^2 ((sigma_max / sigma_min)^(2t) - 1), alpha = 1.

    This is the kernel of the VE SDE of arXiv:2011.13456 (eq. 31), which starts at zero noise.
    """

    kind: Literal["ve"] = "ve"
    sigma_min: Positive = 0.01
    sigma_max: Positive = 50.0
    t_min: TMin = 1e-3

    @model_validator(mode="after")
    def _growing(self) -> "VE":
        if self.sigma_min >= self.sigma_max:
            raise ValueError(f"sigma_min={self.sigma_min} must be below sigma_max={self.sigma_max}")
        return self

    @property
    def _log_ratio(self) -> float:
        return 2 * math.log(self.sigma_max / self.sigma_min)

    def alpha(self, t: Times) -> Times:
        """One."""
        return torch.ones_like(t)

    def sigma(self, t: Times) -> Times:
        """Grows geometrically from zero."""
        return self.sigma_min * torch.expm1(t * self._log_ratio).sqrt()

    def t_of_log_snr(self, log_snr: Times) -> Times:
        """Inverts sigma^2 = exp(-log_snr)."""
        return torch.log1p((-log_snr).exp() / self.sigma_min**2) / self._log_ratio


class RectifiedFlow(Config):
    """alpha = 1 - t, sigma = t (arXiv:2209.03003, with its time reversed)."""

    kind: Literal["rectified-flow"] = "rectified-flow"
    t_min: TMin = 1e-3

    def alpha(self, t: Times) -> Times:
        """1 - t."""
        return 1 - t

    def sigma(self, t: Times) -> Times:
        """The time itself."""
        return t.clone()

    def t_of_log_snr(self, log_snr: Times) -> Times:
        """1 / (1 + alpha / sigma)."""
        return torch.sigmoid(-log_snr / 2)


SCHEDULES: dict[str, type[Config]] = {
    "betas": Betas,
    "linear": LinearBetas,
    "cosine": Cosine,
    "vp": VP,
    "sub-vp": SubVP,
    "ve": VE,
    "rectified-flow": RectifiedFlow,
}
"""Every schedule by the name that a config gives as ``kind``; assign to it to add one."""


class StoredSchedule(Schedule, Protocol):
    """A schedule that a model's config holds: a `Config`."""

    @property
    def kind(self) -> str:
        """Its name in `SCHEDULES`."""


ScheduleConfig: TypeAlias = Annotated[StoredSchedule, of_kind(SCHEDULES)]
"""The field type for configs that hold a schedule."""

"""Ancestral sampling (DDPM) and the clamp that some models were tuned with."""

from typing import Any

import torch

from audiodiff._types import Denoiser, Draw, Sampler, Schedule, State, Times
from audiodiff.diffusion.targets import expand


def posterior_std(schedule: Schedule, t: Times, r: Times) -> Times:
    """The standard deviation of q(x_r | x_t, x_0): ``sigma_r / sigma_t sigma_{t|r}``.

    ``sigma_{t|r}^2 = sigma_t^2 - (alpha_t / alpha_r)^2 sigma_r^2`` (arXiv:2107.00630, eq. 28).
    """
    alpha_t, sigma_t = schedule.alpha(t), schedule.sigma(t)
    alpha_r, sigma_r = schedule.alpha(r), schedule.sigma(r)
    added = sigma_t.square() - (alpha_t / alpha_r * sigma_r).square()
    return sigma_r / sigma_t * added.clamp(min=0).sqrt()


def ancestral_step(
    schedule: Schedule, x_t: State, t: Times, r: Times, x0: State, z: State
) -> State:
    """``x_r = kept x_t + new x0 + s z``, ``kept = alpha_{t|r} sigma_r^2 / sigma_t^2``."""
    kept = (schedule.sigma(r) / schedule.sigma(t)).square() * schedule.alpha(t)
    kept = kept / schedule.alpha(r)
    new = schedule.alpha(r) - kept * schedule.alpha(t)
    std = posterior_std(schedule, t, r)
    return expand(kept, x_t) * x_t + expand(new, x_t) * x0 + expand(std, x_t) * z


class Ancestral:
    """DDPM: draws x_r from q(x_r | x_t, x0_hat) (arXiv:2006.11239, in any schedule's terms)."""

    calls = 1

    def init(self) -> None:
        """Keeps nothing between steps."""

    def step(
        self,
        denoise: Denoiser,
        schedule: Schedule,
        x_t: State,
        t: Times,
        r: Times,
        state: None,
        draw: Draw,
    ) -> tuple[State, None]:
        """A draw from the posterior."""
        return ancestral_step(schedule, x_t, t, r, denoise(x_t, t), draw()), None


class Clamped:
    """Another sampler with x_r clamped to +-limit after every step, as LMNT's DiffWave does."""

    def __init__(self, sampler: Sampler, limit: float) -> None:
        self.sampler = sampler
        self.limit = limit
        self.calls = sampler.calls

    def init(self) -> Any:
        """The wrapped sampler's state."""
        return self.sampler.init()

    def step(
        self,
        denoise: Denoiser,
        schedule: Schedule,
        x_t: State,
        t: Times,
        r: Times,
        state: Any,
        draw: Draw,
    ) -> tuple[State, Any]:
        """The wrapped sampler's step, clamped."""
        x_r, state = self.sampler.step(denoise, schedule, x_t, t, r, state, draw)
        return torch.clamp(x_r, -self.limit, self.limit), state

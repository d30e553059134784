"""DPM-Solver++: multistep solvers of the probability flow, and of its stochastic form."""

from typing import Literal

import torch

from audiodiff._types import Denoiser, Draw, Schedule, State, Times
from audiodiff.diffusion.targets import expand
from audiodiff.samplers.ancestral import ancestral_step
from audiodiff.samplers.exponential import Estimate, first_order, half_log_snr

History = tuple[Estimate, ...]
"""The estimates of the steps before, the latest first."""


class DPMSolver:
    """DPM-Solver++(1), (2M) and (3M) (arXiv:2211.01095, algorithm 2 and appendix).

    With h the step in lambda, ``D_0`` the estimate and ``D_1``, ``D_2`` its divided differences
    over the steps before, the order 3 is

    ``x_r = sigma_r / sigma_t x_t - alpha_r (e^-h - 1) D_0 + alpha_r ((e^-h - 1) / h + 1) D_1
    - alpha_r ((e^-h - 1 + h) / h^2 - 1/2) D_2``,

    and order 2 has ``- alpha_r (e^-h - 1) D_1 / 2`` in place of the last two. As published, and as
    others implement it, the last term has half the weight that a third order needs: its error
    falls with the square of the step, though from a lower level than order 2. Where there are
    fewer steps before, the order is less; the step to t = 0, of infinite h, is of order 1.

    Args:
        order: 1, which is DDIM, 2 or 3.
    """

    calls = 1

    def __init__(self, order: Literal[1, 2, 3] = 2) -> None:
        self.order = order

    def init(self) -> History:
        """No steps before."""
        return ()

    def step(
        self,
        denoise: Denoiser,
        schedule: Schedule,
        x_t: State,
        t: Times,
        r: Times,
        state: History,
        draw: Draw,
    ) -> tuple[State, History]:
        """One step; the state keeps the estimates that the next one needs."""
        now = Estimate(denoise(x_t, t), half_log_snr(schedule, t))
        x_r = first_order(schedule, x_t, t, r, now.x0)
        h = half_log_snr(schedule, r) - now.level
        # An estimate from a time without any signal is infinitely far: its difference is 0.
        before = tuple(estimate for estimate in state if estimate.finite)[: self.order - 1]
        if before and bool(h.isfinite().all()):
            x_r = x_r + expand(schedule.alpha(r), x_t) * _correction(h, now, before)
        return x_r, (now, *state)[: self.order - 1]


class SDEDPMSolver:
    """SDE-DPM-Solver++(2M): the second order of the reverse SDE (arXiv:2211.01095, section 5).

    ``x_r = sigma_r / sigma_t e^-h x_t + alpha_r (1 - e^-2h) (D_0 + D_1 / 2)
    + sigma_r sqrt(1 - e^-2h) z``: the ancestral step from another estimate.
    """

    calls = 1

    def init(self) -> History:
        """No step before."""
        return ()

    def step(
        self,
        denoise: Denoiser,
        schedule: Schedule,
        x_t: State,
        t: Times,
        r: Times,
        state: History,
        draw: Draw,
    ) -> tuple[State, History]:
        """One step; without one before, or to t = 0, of order 1."""
        now = Estimate(denoise(x_t, t), half_log_snr(schedule, t))
        h = half_log_snr(schedule, r) - now.level
        x0 = now.x0
        if state and state[0].finite and bool(h.isfinite().all()):
            x0 = x0 + _difference(h, now, state[0])[1] / 2
        return ancestral_step(schedule, x_t, t, r, x0, draw()), (now,)


def _difference(h: Times, now: Estimate, before: Estimate) -> tuple[Times, State]:
    """The step between two estimates in units of h, and their divided difference in them."""
    q = (now.level - before.level) / h
    return q, (now.x0 - before.x0) / expand(q, now.x0)


def _correction(h: Times, now: Estimate, before: History) -> State:
    """What the divided differences add, over alpha_r."""
    e = torch.expm1(-h)
    q, first = _difference(h, now, before[0])
    if len(before) == 1:
        return -expand(e, first) * first / 2
    q_before, second = _difference(h, *before)
    third = (first - second) / expand(q + q_before, first)
    slope = first + expand(q, first) * third
    return expand(e / h + 1, first) * slope - expand((e + h) / h**2 - 0.5, first) * third

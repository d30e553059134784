"""UniPC: a predictor that is corrected by the estimate that the next step needs anyway."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Denoiser, Draw, Schedule, State, Times
from audiodiff.diffusion.targets import expand
from audiodiff.errors import AudiodiffError
from audiodiff.samplers.exponential import Estimate, first_order, half_log_snr


class Before(NamedTuple):
    """What a step leaves: where it set out, and the estimates that it used.

    Attributes:
        x: The corrected state.
        t: Its time.
        estimates: The latest first.
    """

    x: State
    t: Times
    estimates: tuple[Estimate, ...]


class UniPC:
    """UniPC-p in the data prediction, B_2(h) = e^-h - 1 (arXiv:2302.04867, algorithms 1 and 2).

    With r_m the places of the estimates before in units of the step h, and
    ``D_m = (x0_m - x0_0) / r_m``, the predictor is

    ``x_r = sigma_r / sigma_t x_t + alpha_r (1 - e^-h) x0_0 - alpha_r B sum_m rho_m D_m``

    with rho from the paper's linear system. The corrector has the estimate at r itself among them,
    with ``r_m = 1``. Where there is one D alone rho is 1/2, as published. The order rises from 1
    as estimates come in, and the step to t = 0 is of order 1.

    Args:
        order: p, from 1 on.

    Raises:
        AudiodiffError: If the order is below 1.
    """

    calls = 1

    def __init__(self, order: int = 2) -> None:
        if order < 1:
            raise AudiodiffError(f"order={order}: UniPC takes an order from 1 on")
        self.order = order

    def init(self) -> None:
        """No step before."""

    def step(
        self,
        denoise: Denoiser,
        schedule: Schedule,
        x_t: State,
        t: Times,
        r: Times,
        state: Before | None,
        draw: Draw,
    ) -> tuple[State, Before]:
        """Corrects x_t by its own estimate, then predicts x_r."""
        now = Estimate(denoise(x_t, t), half_log_snr(schedule, t))
        estimates: tuple[Estimate, ...] = (now,)
        if state is not None:
            x_t = _unified(schedule, state.x, state.t, t, state.estimates, now)
            # One from a time without any signal is infinitely far: it serves its own step alone.
            estimates += tuple(estimate for estimate in state.estimates if estimate.finite)
        estimates = estimates[: self.order]
        return _unified(schedule, x_t, t, r, estimates, None), Before(x_t, t, estimates)


def _unified(
    schedule: Schedule,
    x_t: State,
    t: Times,
    r: Times,
    estimates: tuple[Estimate, ...],
    at_r: Estimate | None,
) -> State:
    """The predictor, or with the estimate at r the corrector.

    Args:
        schedule: Of the process.
        x_t: Where the step sets out.
        t: Its time.
        r: Where it ends.
        estimates: At t, and before.
        at_r: The estimate at r.
    """
    now, others = estimates[0], estimates[1:]
    x_r = first_order(schedule, x_t, t, r, now.x0)
    end = half_log_snr(schedule, r)
    h = end - now.level
    places = [(other.level - now.level) / h for other in others]
    if at_r is not None:
        others, places = (*others, at_r), [*places, torch.ones_like(h)]
    if not others or not bool(end.isfinite().all()):
        return x_r
    weights = _weights(torch.stack(places), h)
    change = sum(
        expand(weight / place, x_t) * (other.x0 - now.x0)
        for weight, place, other in zip(weights, places, others, strict=True)
    )
    return x_r - expand(schedule.alpha(r) * torch.expm1(-h), x_t) * change


def _weights(places: Float[Tensor, "m batch"], h: Times) -> Float[Tensor, "m batch"]:
    """The rho of ``sum_m rho_m r_m^(k-1) = k! h phi_{k+1}(h) / B``, k = 1, 2 ..."""
    if len(places) == 1:
        return torch.full_like(places, 0.5)
    e = torch.expm1(-h)
    phi, factorial, right = e, 1.0, []
    for k in range(1, len(places) + 1):
        factorial *= k
        phi = phi / -h - 1 / factorial
        right.append(phi * factorial / e)
    powers = torch.stack([places**k for k in range(len(places))])
    return torch.linalg.solve(powers.permute(2, 0, 1), torch.stack(right).T).T

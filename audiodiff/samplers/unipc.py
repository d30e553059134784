"""UniPC: a predictor that is corrected by the estimate that the next step needs anyway."""

from typing import NamedTuple

from audiodiff._types import State, Step
from audiodiff.errors import AudiodiffError
from audiodiff.samplers.exponential import History, estimate
from audiodiff.samplers.multistep import unified


class Before(NamedTuple):
    """What a step leaves behind: its corrected start, itself and its estimates."""

    x: State
    step: Step
    estimates: History


class UniPC:
    """UniPC-p in the data prediction, B_2(h) = e^-h - 1 (arXiv:2302.04867, algorithms 1 and 2).

    With r_m the distances of earlier estimates in units of the step h, and
    ``D_m = (x0_m - x0_0) / r_m``, the predictor is

    ``x_r = sigma_r / sigma_t x_t + alpha_r (1 - e^-h) x0_0 - alpha_r B sum_m rho_m D_m``

    with rho from the paper's linear system. The corrector also has the estimate at r itself,
    with ``r_m = 1``. Where there is only one D, rho is 1/2, as published. The order rises from 1
    as estimates come in, and the step to t = 0 is of order 1.

    Args:
        order: The order p, 1 or more.

    Raises:
        AudiodiffError: If the order is below 1.
    """

    calls = 1

    def __init__(self, order: int = 2) -> None:
        if order < 1:
            raise AudiodiffError(f"order={order}: UniPC takes an order of 1 or more")
        self.order = order

    def init(self) -> None:
        """No earlier step."""

    def step(self, x_t: State, step: Step, memory: Before | None) -> tuple[State, Before]:
        """Corrects x_t by its own estimate, then predicts x_r."""
        now = estimate(x_t, step)
        estimates: History = (now,)
        if memory is not None:
            x_t = unified(memory.x, memory.step, memory.estimates, now)
            # An estimate from a time without signal is infinitely far: only its own step uses it.
            estimates += tuple(past for past in memory.estimates if past.finite)
        estimates = estimates[: self.order]
        return unified(x_t, step, estimates, None), Before(x_t, step, estimates)

"""DPM-Solver++: multistep solvers of the probability flow."""

from typing import Literal

from audiodiff._types import State, Step
from audiodiff.diffusion.targets import scaled
from audiodiff.samplers.exponential import History, estimate, first_order, half_log_snr
from audiodiff.samplers.multistep import correction


class DPMSolver:
    """DPM-Solver++(1), (2M) and (3M) (arXiv:2211.01095, algorithm 2 and appendix).

    With h the step in lambda, ``D_0`` the estimate and ``D_1``, ``D_2`` its divided differences
    over earlier steps, order 3 is

    ``x_r = sigma_r / sigma_t x_t - alpha_r (e^-h - 1) D_0 + alpha_r ((e^-h - 1) / h + 1) D_1
    - alpha_r ((e^-h - 1 + h) / h^2 - 1/2) D_2``,

    and order 2 has ``- alpha_r (e^-h - 1) D_1 / 2`` in place of the last two terms. As published
    and as implemented elsewhere, the last term has half the weight that third order needs: the
    error falls with the square of the step, though from a lower level than order 2. The order is
    lower while there are fewer earlier steps; the step to t = 0, of infinite h, is of order 1.

    Args:
        order: 1, which is DDIM, 2 or 3.
    """

    calls = 1

    def __init__(self, order: Literal[1, 2, 3] = 2) -> None:
        self.order = order

    def init(self) -> History:
        """No earlier steps."""
        return ()

    def step(self, x_t: State, step: Step, memory: History) -> tuple[State, History]:
        """One step; the memory keeps the estimates that the next one needs."""
        now = estimate(x_t, step)
        x_r = first_order(x_t, step, now.x0)
        h = half_log_snr(step.schedule, step.r) - now.level
        # An estimate from a time without signal is infinitely far: its difference is 0.
        before = tuple(past for past in memory if past.finite)[: self.order - 1]
        if before and bool(h.isfinite().all()):
            x_r = x_r + scaled(step.alpha_r, correction(h, now, before))
        return x_r, (now, *memory)[: self.order - 1]

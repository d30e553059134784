"""SDE-DPM-Solver++: a multistep solver of the reverse SDE."""

from audiodiff._types import State, Step
from audiodiff.samplers.ddpm import ancestral_step
from audiodiff.samplers.exponential import History, estimate, half_log_snr
from audiodiff.samplers.multistep import difference


class SDEDPMSolver:
    """SDE-DPM-Solver++(2M): the second order of the reverse SDE (arXiv:2211.01095, section 5).

    ``x_r = sigma_r / sigma_t e^-h x_t + alpha_r (1 - e^-2h) (D_0 + D_1 / 2)
    + sigma_r sqrt(1 - e^-2h) z``: an ancestral step from the estimate ``D_0 + D_1 / 2``.
    """

    calls = 1

    def init(self) -> History:
        """No earlier step."""
        return ()

    def step(self, x_t: State, step: Step, memory: History) -> tuple[State, History]:
        """One step; the first one, and the one to t = 0, are of order 1."""
        now = estimate(x_t, step)
        h = half_log_snr(step.schedule, step.r) - now.level
        x0 = now.x0
        if memory and memory[0].finite and bool(h.isfinite().all()):
            x0 = x0 + difference(h, now, memory[0])[1] / 2
        return ancestral_step(x_t, step, x0, step.draw()), (now,)

"""DDIM, from deterministic (eta = 0) to ancestral (eta = 1)."""

from audiodiff._types import Denoiser, Draw, Schedule, State, Times
from audiodiff.diffusion.targets import expand
from audiodiff.errors import AudiodiffError
from audiodiff.samplers.ancestral import posterior_std
from audiodiff.samplers.exponential import first_order


class DDIM:
    """``x_r = alpha_r x0_hat + sqrt(sigma_r^2 - s^2) eps_hat + s z`` (arXiv:2010.02502, eq. 12).

    Here ``s`` is eta times the ancestral standard deviation, so eta = 1 is DDPM exactly.

    Args:
        eta: From 0, deterministic, to 1, ancestral.
    """

    calls = 1

    def __init__(self, eta: float = 0.0) -> None:
        if not 0 <= eta <= 1:
            raise AudiodiffError(f"eta={eta}: DDIM takes an eta from 0 to 1")
        self.eta = eta

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
        """One step in x0 form, which needs no special case at alpha = 0 or sigma = 0."""
        if not self.eta:
            return first_order(schedule, x_t, t, r, denoise(x_t, t)), None
        s = self.eta * posterior_std(schedule, t, r)
        kept = (schedule.sigma(r).square() - s.square()).clamp(min=0).sqrt() / schedule.sigma(t)
        new = schedule.alpha(r) - kept * schedule.alpha(t)
        x_r = expand(kept, x_t) * x_t + expand(new, x_t) * denoise(x_t, t)
        return x_r + expand(s, x_t) * draw(), None

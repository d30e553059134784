"""DDIM, from deterministic (eta = 0) to ancestral (eta = 1)."""

from audiodiff._types import State, Step
from audiodiff.diffusion.targets import scaled
from audiodiff.errors import AudiodiffError
from audiodiff.samplers.ddpm import posterior_std
from audiodiff.samplers.exponential import first_order


class DDIM:
    """``x_r = alpha_r x0_hat + sqrt(sigma_r^2 - s^2) eps_hat + s z`` (arXiv:2010.02502, eq. 12).

    Here ``s`` is eta times the ancestral standard deviation, so eta = 1 is DDPM exactly.

    Args:
        eta: Share of fresh noise, from 0 (deterministic) to 1 (ancestral).

    Raises:
        AudiodiffError: If eta is outside [0, 1].
    """

    calls = 1

    def __init__(self, eta: float = 0.0) -> None:
        if not 0 <= eta <= 1:
            raise AudiodiffError(f"eta={eta}: DDIM takes an eta from 0 to 1")
        self.eta = eta

    def init(self) -> None:
        """Keeps nothing between steps."""

    def step(self, x_t: State, step: Step, memory: None) -> tuple[State, None]:
        """One step in x0 form, which needs no special case at alpha = 0 or sigma = 0."""
        x0 = step.denoise(x_t, step.t)
        if not self.eta:
            return first_order(x_t, step, x0), None
        s = self.eta * posterior_std(step)
        kept = (step.sigma_r.square() - s.square()).clamp(min=0).sqrt() / step.sigma_t
        new = step.alpha_r - kept * step.alpha_t
        return scaled(kept, x_t) + scaled(new, x0) + scaled(s, step.draw()), None

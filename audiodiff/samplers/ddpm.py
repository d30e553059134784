"""Ancestral sampling (DDPM)."""

from audiodiff._types import State, Step, Times
from audiodiff.diffusion.targets import scaled


def posterior_std(step: Step) -> Times:
    """The standard deviation of q(x_r | x_t, x_0): ``sigma_r / sigma_t sigma_{t|r}``.

    ``sigma_{t|r}^2 = sigma_t^2 - (alpha_t / alpha_r)^2 sigma_r^2`` (arXiv:2107.00630, eq. 28).
    """
    added = step.sigma_t.square() - (step.alpha_t / step.alpha_r * step.sigma_r).square()
    return step.sigma_r / step.sigma_t * added.clamp(min=0).sqrt()


def ancestral_step(x_t: State, step: Step, x0: State, z: State) -> State:
    """``x_r = kept x_t + new x0 + s z``, ``kept = alpha_{t|r} sigma_r^2 / sigma_t^2``."""
    kept = (step.sigma_r / step.sigma_t).square() * step.alpha_t / step.alpha_r
    new = step.alpha_r - kept * step.alpha_t
    return scaled(kept, x_t) + scaled(new, x0) + scaled(posterior_std(step), z)


class DDPM:
    """Draws x_r from q(x_r | x_t, x0_hat) (arXiv:2006.11239, in any schedule's terms)."""

    calls = 1

    def init(self) -> None:
        """Keeps nothing between steps."""

    def step(self, x_t: State, step: Step, memory: None) -> tuple[State, None]:
        """A draw from the posterior."""
        return ancestral_step(x_t, step, step.denoise(x_t, step.t), step.draw()), None

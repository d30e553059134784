"""Euler's method along the slope in t."""

from audiodiff._types import State, Step
from audiodiff.diffusion.targets import TARGETS, expand, scaled


class Euler:
    """``x_r = x_t + (r - t) (alpha'(t) x0_hat + sigma'(t) eps_hat)``.

    The slope is the velocity of flow matching (arXiv:2209.03003). On rectified flow this is DDIM;
    on a curved schedule it is worse.
    """

    calls = 1

    def init(self) -> None:
        """Keeps nothing between steps."""

    def step(self, x_t: State, step: Step, memory: None) -> tuple[State, None]:
        """One step along the slope at t."""
        x0 = step.denoise(x_t, step.t)
        eps = (x_t - scaled(step.alpha_t, x0)) / expand(step.sigma_t, x_t)
        a, b = TARGETS["velocity"](step.schedule, step.t)
        return x_t + scaled(step.r - step.t, scaled(a, x0) + scaled(b, eps)), None

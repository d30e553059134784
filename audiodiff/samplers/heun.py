"""Heun's method along the slope in sigma / alpha."""

from audiodiff._types import State, Step
from audiodiff.diffusion.targets import expand
from audiodiff.samplers.exponential import first_order

NO_SIGNAL = 1e-4
"""An alpha so small that sigma / alpha no longer measures time."""


class Heun:
    """The second-order method of EDM (arXiv:2206.00364, algorithm 1).

    With ``s = sigma / alpha`` as the time and ``x / alpha`` as the state, the slope is
    ``d = (x / alpha - x0_hat) / s``; the slopes at both ends of an Euler step are averaged. That
    Euler step is DDIM's, which is also taken to t = 0 and from times with next to no signal. All
    other steps call the denoiser twice.
    """

    calls = 2

    def init(self) -> None:
        """Keeps nothing between steps."""

    def step(self, x_t: State, step: Step, memory: None) -> tuple[State, None]:
        """``x_r / alpha_r = x_t / alpha_t + (s_r - s_t) (d_t + d_r) / 2``."""
        x0 = step.denoise(x_t, step.t)
        x_r = first_order(x_t, step, x0)
        if bool((step.sigma_r == 0).any() or (step.alpha_t < NO_SIGNAL).any()):
            return x_r, None
        alpha_t, alpha_r = expand(step.alpha_t, x_t), expand(step.alpha_r, x_t)
        s_t = expand(step.sigma_t / step.alpha_t, x_t)
        s_r = expand(step.sigma_r / step.alpha_r, x_t)
        d_t = (x_t / alpha_t - x0) / s_t
        d_r = (x_r / alpha_r - step.denoise(x_r, step.r)) / s_r
        return x_r + alpha_r * (s_r - s_t) * (d_r - d_t) / 2, None

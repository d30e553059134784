"""Solvers of the probability flow that take its slope: Euler's in t, Heun's in sigma / alpha."""

from audiodiff._types import Denoiser, Draw, Schedule, State, Times
from audiodiff.diffusion.targets import TARGETS, expand
from audiodiff.samplers.exponential import first_order

NO_SIGNAL = 1e-4
"""An alpha of so little that sigma / alpha is no measure of the time."""


class Euler:
    """``x_r = x_t + (r - t) (alpha'(t) x0_hat + sigma'(t) eps_hat)``.

    The slope is the velocity of flow matching (arXiv:2209.03003). On rectified flow this is DDIM;
    on a curved schedule it is worse.
    """

    calls = 1

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
        """One step along the slope at t."""
        x0 = denoise(x_t, t)
        eps = (x_t - expand(schedule.alpha(t), x_t) * x0) / expand(schedule.sigma(t), x_t)
        a, b = TARGETS["velocity"](schedule, t)
        return x_t + expand(r - t, x_t) * (expand(a, x_t) * x0 + expand(b, x_t) * eps), None


class Heun:
    """The second-order method of EDM (arXiv:2206.00364, algorithm 1).

    With ``s = sigma / alpha`` as the time and ``x / alpha`` as the state, the slope is
    ``d = (x / alpha - x0_hat) / s``; those at either end of an Euler step are averaged. That Euler
    step is DDIM's, and so are the step to t = 0 and one from a time with next to no signal. All
    others call the denoiser twice.
    """

    calls = 2

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
        """``x_r / alpha_r = x_t / alpha_t + (s_r - s_t) (d_t + d_r) / 2``."""
        x0 = denoise(x_t, t)
        x_r = first_order(schedule, x_t, t, r, x0)
        if bool((schedule.sigma(r) == 0).any() or (schedule.alpha(t) < NO_SIGNAL).any()):
            return x_r, None
        alpha_t, alpha_r = (expand(schedule.alpha(u), x_t) for u in (t, r))
        s_t, s_r = (expand(schedule.sigma(u) / schedule.alpha(u), x_t) for u in (t, r))
        d_t = (x_t / alpha_t - x0) / s_t
        d_r = (x_r / alpha_r - denoise(x_r, r)) / s_r
        return x_r + alpha_r * (s_r - s_t) * (d_r - d_t) / 2, None

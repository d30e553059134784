"""Sampling of consistency models: to the data, then back to less noise."""

from audiodiff._types import State, Step
from audiodiff.diffusion.targets import scaled


class Consistency:
    """``x_r = alpha_r x0_hat + sigma_r z`` (arXiv:2303.01469, algorithm 1).

    Each step discards its noise and draws new noise. For models whose estimate is a sample: those
    trained through their own run, or by consistency. The estimate of a plain diffusion model is an
    average.
    """

    calls = 1

    def init(self) -> None:
        """Keeps nothing between steps."""

    def step(self, x_t: State, step: Step, memory: None) -> tuple[State, None]:
        """The estimate with fresh noise."""
        x0 = step.denoise(x_t, step.t)
        return scaled(step.alpha_r, x0) + scaled(step.sigma_r, step.draw()), None

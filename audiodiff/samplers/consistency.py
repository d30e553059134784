"""Sampling as consistency models do: to the data and back to less noise."""

from audiodiff._types import Denoiser, Draw, Schedule, State, Times
from audiodiff.diffusion.targets import expand


class Consistency:
    """``x_r = alpha_r x0_hat + sigma_r z`` (arXiv:2303.01469, algorithm 1).

    Each step throws its noise away and draws another. For models whose estimate is a sample, as
    those trained through their own run or by consistency are; of a plain one it is an average.
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
        """The estimate with fresh noise."""
        x0 = denoise(x_t, t)
        return expand(schedule.alpha(r), x_t) * x0 + expand(schedule.sigma(r), x_t) * draw(), None

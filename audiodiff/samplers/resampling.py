"""Resampling: every step is taken several times, with noise in between."""

from typing import Any

from audiodiff._types import Sampler, State, Step
from audiodiff.config import Count, checked
from audiodiff.diffusion.targets import expand, scaled


class Resampling:
    """Another sampler whose steps are each taken several times (RePaint, arXiv:2201.09865).

    Between them the state goes back from r to t by the forward process,
    ``x_t = a x_r + sqrt(sigma_t^2 - a^2 sigma_r^2) z`` with ``a = alpha_t / alpha_r``. Under
    guidance that keeps a known part, such as `KnownState`, what is unknown comes to agree with
    it. The paper's algorithm 1, with jumps of one step.

    Examples:
        >>> from audiodiff.samplers.ddim import DDIM
        >>> Resampling(DDIM(), n=10).calls
        10

    Args:
        sampler: The sampler that takes each step.
        n: Number of times that it does.

    Raises:
        AudiodiffError: If n is no whole number above 0.
    """

    def __init__(self, sampler: Sampler, n: int = 10) -> None:
        self.sampler, self.n = sampler, checked(Count, n, "n")
        self.calls = sampler.calls * self.n

    def init(self) -> Any:
        """The sampler's memory."""
        return self.sampler.init()

    def step(self, x_t: State, step: Step, memory: Any) -> tuple[State, Any]:
        """The last of the steps."""
        kept = step.alpha_t / step.alpha_r
        added = (step.sigma_t.square() - (kept * step.sigma_r).square()).clamp(min=0).sqrt()
        for _ in range(self.n - 1):
            x_r, _ = self.sampler.step(x_t, step, memory)
            x_t = expand(kept, x_r) * x_r + scaled(added, step.draw())
        return self.sampler.step(x_t, step, memory)

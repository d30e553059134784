"""Langevin correctors: steps that correct the state without lowering its noise level."""

from typing import Any

from audiodiff._types import Sampler, State, Step
from audiodiff.diffusion.targets import expand, scaled
from audiodiff.errors import AudiodiffError


class PredictorCorrector:
    """Another sampler with a Langevin step after each of its own (arXiv:2011.13456, algorithm 1).

    ``x <- x - 2 snr^2 sigma eps_hat + 2 snr sigma z`` at the new time: Langevin dynamics with the
    step ``2 (snr sigma)^2``, where the paper's ratio of two norms is replaced by its expectation,
    so that a piece of a long sound is corrected as the whole is. It is preconditioned by the
    covariance of the noise, so that a prior keeps its colour. Data at t = 0 is left as it is.

    Args:
        sampler: The predictor.
        snr: Ratio of the corrector's slope to its noise.

    Raises:
        AudiodiffError: If the ratio is not positive.
    """

    def __init__(self, sampler: Sampler, snr: float = 0.1) -> None:
        if not snr > 0:
            raise AudiodiffError(f"snr={snr}: the corrector takes a ratio above 0")
        self.sampler, self.snr = sampler, snr
        self.calls = sampler.calls + 1

    def init(self) -> Any:
        """The predictor's memory."""
        return self.sampler.init()

    def step(self, x_t: State, step: Step, memory: Any) -> tuple[State, Any]:
        """The predictor's step, corrected."""
        x_r, memory = self.sampler.step(x_t, step, memory)
        sigma = expand(step.sigma_r, x_t)
        if not bool(sigma.any()):
            return x_r, memory
        eps = (x_r - scaled(step.alpha_r, step.denoise(x_r, step.r))) / sigma
        return x_r - 2 * self.snr**2 * sigma * eps + 2 * self.snr * sigma * step.draw(), memory

"""Noise above the mel: what the mel does not reach gets the texture of noise."""

import math

import torch

from audiodiff._types import Denoiser, Mel, Prior, Schedule, State, Times
from audiodiff.diffusion.targets import expand


class NoiseAbove:
    """Another denoiser whose estimate has the texture of noise above the mel's frequencies.

    Of what the mel leaves open an estimate by spectrograms is a median: as loud as it should be,
    and as regular as a grid. There ``x0_hat <- |x0_hat| / sqrt(ln 2) eps``, with the noise that is
    in the state, ``eps = whiten((x_t - alpha x0_hat) / sigma)``, of unit variance: sqrt(ln 2) is
    the median of its magnitude.

    Args:
        denoise: What makes the estimate, a spectrum.
        schedule: Of the process.
        prior: Of the noise.
        mel: What the prior is conditioned on.
        first_bin: The first one that is to be noise.
    """

    def __init__(
        self,
        denoise: Denoiser,
        schedule: Schedule,
        prior: Prior,
        mel: Mel,
        first_bin: int,
    ) -> None:
        self.denoise, self.schedule, self.prior = denoise, schedule, prior
        self.cond, self.first_bin = prior.condition(mel), first_bin

    def __call__(self, x_t: State, t: Times) -> State:
        """The denoised estimate in the shape of x_t."""
        x0 = self.denoise(x_t, t)
        alpha, sigma = expand(self.schedule.alpha(t), x0), expand(self.schedule.sigma(t), x0)
        eps = self.prior.whiten((x_t - alpha * x0) / sigma, self.cond)
        low, high = x0[:, :, : self.first_bin], x0[:, :, self.first_bin :]
        magnitude = high.square().sum(1, keepdim=True).sqrt() / math.sqrt(math.log(2))
        return torch.cat([low, magnitude * eps[:, :, self.first_bin :]], 2)

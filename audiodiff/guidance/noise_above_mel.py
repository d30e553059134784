"""Noise above the mel: frequencies that the mel does not reach get the texture of noise."""

import math
from typing import ClassVar, Literal

import torch

from audiodiff._types import Denoiser, State, Times
from audiodiff.codecs.stft import Stft
from audiodiff.diffusion.targets import expand, scaled
from audiodiff.guidance.contract import Context, GuidanceAtSteps


class NoiseAboveMel(GuidanceAtSteps):
    """Gives the estimate the texture of noise above the mel's highest frequency.

    Where the mel leaves the spectrum open, a model trained by spectrograms estimates a median, of
    the right loudness but as regular as a grid. There ``x0_hat <- |x0_hat| / sqrt(ln 2) eps``,
    with the noise of the state, ``eps = whiten((x_t - alpha x0_hat) / sigma)``, of unit variance;
    sqrt(ln 2) is the median of its magnitude. For the STFT codec.

    Attributes:
        steps: Steps at which it acts.
    """

    parts: ClassVar[tuple[str, ...]] = ("mel",)
    codecs: ClassVar[tuple[str, ...] | None] = ("stft",)

    kind: Literal["noise-above-mel"] = "noise-above-mel"

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        """The denoiser with the upper part of its estimate replaced, if the run has a mel."""
        if "mel" not in context.cond:
            return denoise
        schedule, prior, codec = context.schedule, context.prior, context.codec
        assert context.mel is not None, "a model's config checks that it has a mel"
        assert isinstance(codec, Stft), "and an STFT codec"
        first_bin = context.mel.n_covered_bins(codec.n_fft)
        shape = prior.condition(context.cond)

        def noisy(x_t: State, t: Times) -> State:
            x0 = denoise(x_t, t)
            residual = x_t - scaled(schedule.alpha(t), x0)
            eps = prior.whiten(residual / expand(schedule.sigma(t), x0), shape)
            low, high = x0[:, :, :first_bin], x0[:, :, first_bin:]
            magnitude = high.square().sum(1, keepdim=True).sqrt() / math.sqrt(math.log(2))
            return torch.cat([low, magnitude * eps[:, :, first_bin:]], 2)

        return noisy

"""Mel consistency: the estimate is made to agree with the given mel."""

from typing import ClassVar, Literal

import torch

from audiodiff._types import Denoiser, State, Times
from audiodiff.config import StepCount
from audiodiff.guidance.contract import Context, GuidanceAtSteps


class MelConsistency(GuidanceAtSteps):
    """Projects the denoised estimate onto the condition's mel, so that its sound has that mel.

    No gradient passes through the projection. Use it at early steps only if the model was trained
    through its own run: early estimates of a model trained by the diffusion loss alone are averages
    over many possible sounds, and their mel is not the given one.

    Examples:
        >>> guidance = MelConsistency(n_passes=96, steps="before-last")
        >>> [guidance.acts_at(step, n_steps=3) for step in range(3)]
        [True, True, False]

    Attributes:
        n_passes: Number of passes of `audiodiff.mel.projection.MelProjection`.
        steps: Steps at which it acts: ``all``, ``last`` or ``before-last`` (all but the last).
    """

    parts: ClassVar[tuple[str, ...]] = ("mel",)

    kind: Literal["mel-consistency"] = "mel-consistency"
    n_passes: StepCount

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        """The denoiser with its estimate projected, if the run has a mel."""
        if "mel" not in context.cond:
            return denoise
        codec, project, mel = context.codec, context.project, context.cond["mel"]
        assert project is not None, "a model's config checks that it has a mel"

        def consistent(x_t: State, t: Times) -> State:
            x0 = denoise(x_t, t)
            with torch.no_grad():
                wave = codec.decode(x0, context.n_samples)
                return codec.encode(project(wave, mel, self.n_passes)).to(x0)

        return consistent

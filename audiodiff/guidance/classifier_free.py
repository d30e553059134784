"""Classifier-free guidance (arXiv:2207.12598): away from another estimate, mostly of anything."""

from collections.abc import Callable
from typing import ClassVar, Literal, TypeAlias

import torch
from pydantic import Field

from audiodiff._types import Denoiser, State, Times
from audiodiff.conditioning.parts import can_be_open, joined, left_open
from audiodiff.diffusion.denoiser import NetDenoiser
from audiodiff.diffusion.targets import expand
from audiodiff.diffusion.times import log_snr
from audiodiff.guidance.contract import Context, GuidanceAtSteps, Rising, is_inside

Estimates: TypeAlias = Callable[[State, Times], tuple[State, State]]
"""The estimates by the condition and by that which is led away from."""


class ClassifierFree(GuidanceAtSteps):
    """``x0_hat <- x0_null + scale (x0_cond - x0_null)``, with the run's guidance scale.

    x0_cond is the wrapped denoiser's estimate, x0_null the model's own without the condition, or by
    the run's negative text alone. The model must have been trained for that, by an objective that
    drops parts of the condition at random. A scale of 1, and a run without a condition, leave the
    estimate alone.

    Examples:
        >>> guidance = ClassifierFree(log_snr=(-4.0, 4.0), rescale=0.7)

    Attributes:
        log_snr: Least and greatest log-SNR at which it acts (arXiv:2404.07724); outside, the
            estimate is the conditional one, at half the cost.
        rescale: How far the deviation of each item's estimate is brought back to that of the
            conditional one (arXiv:2305.08891, eq. 15 and 16): 0 not at all, 1 all the way.
        steps: Steps at which it acts.
    """

    has_scale: ClassVar[bool] = True

    kind: Literal["classifier-free"] = "classifier-free"
    log_snr: Rising | None = None
    rescale: float = Field(default=0.0, ge=0, le=1)

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        """The denoiser with its estimate extrapolated, if the run has a condition."""
        if not (context.cond or context.null) or context.scale == 1:
            return denoise
        estimates = _estimates(denoise, context)

        def guided(x_t: State, t: Times) -> State:
            inside = is_inside(self.log_snr, log_snr(context.schedule, t))
            if not inside.any():
                return denoise(x_t, t)
            x0_cond, x0_null = estimates(x_t, t)
            x0 = x0_null + context.scale * (x0_cond - x0_null)
            return torch.where(
                expand(inside.to(x_t), x_t) > 0, self._rescaled(x0, x0_cond), x0_cond
            )

        return guided

    def _rescaled(self, x0: State, x0_cond: State) -> State:
        if not self.rescale:
            return x0
        ratio = x0_cond.flatten(1).std(1) / x0.flatten(1).std(1)
        return x0 * expand(1 + self.rescale * (ratio - 1), x0)


def _estimates(denoise: Denoiser, context: Context) -> Estimates:
    """Both estimates, in one call of the network where nothing else steers the first."""
    cond, null = context.cond, context.null
    if isinstance(denoise, NetDenoiser) and can_be_open(cond):
        # What only one of them asks for is open in the other.
        asked = [{**left_open(null), **cond}, {**left_open(cond), **null}]
        both = context.denoiser(joined(asked), n_copies=2)

        def in_one_call(x_t: State, t: Times) -> tuple[State, State]:
            twice = t.expand(len(x_t)).repeat(2)
            x0_cond, x0_null = both(torch.cat([x_t, x_t]), twice).chunk(2)
            return x0_cond, x0_null

        return in_one_call
    free = context.denoiser(null)
    return lambda x_t, t: (denoise(x_t, t), free(x_t, t))

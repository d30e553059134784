"""Ceilings: guidance by what the state, or the level of its frames, is at most."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Denoiser, State, Times
from audiodiff.guidance.contract import Context
from audiodiff.guidance.statistics import PerFrame


@dataclass(frozen=True)
class Ceiling:
    """``x0_hat <- min(x0_hat, top)``, as the mel of a sound lies below that of the sound in noise.

    Examples:
        >>> guidance = Ceiling(torch.zeros(1, 80, 9))
        >>> guidance.acts_at(step=0, n_steps=2)
        True

    Attributes:
        top: A state.
    """

    top: State

    def acts_at(self, step: int, n_steps: int) -> bool:
        """Always."""
        return True

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        """The denoiser whose estimate is no higher."""
        return lambda x_t, t: torch.minimum(self.top, denoise(x_t, t))


@dataclass(frozen=True)
class LevelCeiling:
    """``x0_hat <- x0_hat - max(0, level(x0_hat) - top)``: a limiter of the frames of a mel.

    For states that are a mel but for an offset and a scale. The spectra of the frames stay.

    Attributes:
        top: The greatest `level` of each frame.
        scale: Nepers of amplitude by which the mel rises where the state rises by 1.
        n_bands: Number of bands that count, from the lowest on; None for all.
    """

    top: PerFrame
    scale: float
    n_bands: int | None = None

    def acts_at(self, step: int, n_steps: int) -> bool:
        """Always."""
        return True

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        """The denoiser whose estimate is no louder."""

        def limited(x_t: State, t: Times) -> State:
            x0 = denoise(x_t, t)
            return x0 - (level(x0[:, : self.n_bands], self.scale) - self.top).clamp(min=0)

        return limited


def level(x: Float[Tensor, "batch bands frames"], scale: float) -> PerFrame:
    """The level of each frame, ``log(sum_b exp(2 scale x_b)) / (2 scale)``: that of its power.

    Args:
        x: A mel, or a state that is one but for an offset and a scale.
        scale: Nepers of amplitude by which the mel rises where the state rises by 1.
    """
    return torch.logsumexp(2 * scale * x, 1, keepdim=True) / (2 * scale)

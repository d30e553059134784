"""A ceiling: guidance by what the state is at most."""

from dataclasses import dataclass

import torch

from audiodiff._types import Denoiser, State
from audiodiff.guidance.contract import Context


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

"""A linear observation: guidance by what was measured of the state."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Denoiser, State, Times
from audiodiff.guidance.contract import Context

Observation = Float[Tensor, "batch *observation"]


@dataclass(frozen=True)
class LinearObservation:
    """``x0_hat <- x0_hat + A+ (y - A x0_hat)``: the nearest estimate of which y is observed.

    For any linear inverse problem, such as a filter, a lower rate or a mask (DDNM,
    arXiv:2212.00490). For any model.

    Examples:
        >>> pairs = lambda x: x.unflatten(1, (-1, 2)).mean(2)  # a wave of half the rate
        >>> twice = lambda y: y.repeat_interleave(2, 1)
        >>> guidance = LinearObservation(torch.zeros(1, 50), pairs, twice)
        >>> guidance.acts_at(step=0, n_steps=2)
        True

    Attributes:
        observed: The observation, y.
        operator: A: observes a state.
        inverse: A+, or any right inverse of A: a state of which an observation is made.
    """

    observed: Observation
    operator: Callable[[State], Observation]
    inverse: Callable[[Observation], State]

    def acts_at(self, step: int, n_steps: int) -> bool:
        """Always."""
        return True

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        """The denoiser whose estimate agrees with the observation."""

        def consistent(x_t: State, t: Times) -> State:
            x0 = denoise(x_t, t)
            with torch.no_grad():
                return x0 + self.inverse(self.observed - self.operator(x0))

        return consistent

"""The clamp that some models were tuned with."""

from typing import Any

import torch

from audiodiff._types import Sampler, State, Step


class Clamped:
    """Another sampler with x_r clamped to +-limit after every step, as LMNT's DiffWave does.

    Args:
        sampler: The sampler to wrap.
        limit: Greatest magnitude of the state.
    """

    def __init__(self, sampler: Sampler, limit: float) -> None:
        self.sampler, self.limit, self.calls = sampler, limit, sampler.calls

    def init(self) -> Any:
        """The wrapped sampler's memory."""
        return self.sampler.init()

    def step(self, x_t: State, step: Step, memory: Any) -> tuple[State, Any]:
        """The wrapped sampler's step, clamped."""
        x_r, memory = self.sampler.step(x_t, step, memory)
        return torch.clamp(x_r, -self.limit, self.limit), memory

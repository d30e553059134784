"""A run whose coefficients are computed beforehand, for graphs without branches."""

from typing import Any, NamedTuple, TypeAlias

import torch

from audiodiff._types import Sampler, Schedule, State, Step, Times
from audiodiff.diffusion.times import TimeGrid

Weights: TypeAlias = dict[int, float]
"""Weights of earlier values, by their index."""


class Call(NamedTuple):
    """A call of the denoiser for a weighted sum of values at a time, which gives the next value."""

    weights: Weights
    t: float


class Sums(NamedTuple):
    """The calls of a step (None is a draw of noise), and the sum that is its result."""

    calls: tuple[Call | None, ...]
    end: Weights


class Unrolled:
    """Another sampler over given times, as the weighted sums that its steps compute.

    Every sampler here adds up states, estimates and draws, weighted by functions of the times. So
    it is run once with unit vectors in their place, which yields the weights. Values are numbered
    in order: a step's state, the results of its calls and draws, the next step's state.

    Args:
        sampler: A sampler whose steps are linear; `Clamped` is not, and wraps this one instead.
        schedule: The noise schedule.
        times: Times of the only run that it can take.
    """

    def __init__(self, sampler: Sampler, schedule: Schedule, times: TimeGrid) -> None:
        self.calls = sampler.calls
        n_steps = len(times) - 1
        # A step draws at most once per call, and once more.
        record, memory = _Record(n_steps * (2 + 2 * sampler.calls)), sampler.init()
        self.steps: list[Sums] = []
        for t, r in zip(times[:-1, None], times[1:, None], strict=True):
            record.calls = []
            step = Step(schedule, t, r, record.denoise, record.draw)
            x_r, memory = sampler.step(record.value(), step, memory)
            self.steps.append(Sums(tuple(record.calls), _weights(x_r)))

    def init(self) -> tuple[int, list[State]]:
        """The number of steps done, and all values so far."""
        return 0, []

    def step(self, x_t: State, step: Step, memory: Any) -> tuple[State, Any]:
        """The sampler's step."""
        n, before = memory
        values = [*before, x_t]
        for call in self.steps[n].calls:
            if call is None:
                values.append(step.draw())
            else:
                # One time for the whole batch, so that its coefficients are constants of the graph.
                values.append(step.denoise(_sum(call.weights, values), step.t.new_tensor([call.t])))
        return _sum(self.steps[n].end, values), (n + 1, values)


class _Record:
    """Stands in for the denoiser and the noise: returns unit vectors and records the calls.

    Args:
        size: Greatest number of values.
    """

    def __init__(self, size: int) -> None:
        self.left = iter(torch.eye(size, dtype=torch.float64))
        self.calls: list[Call | None] = []

    def value(self) -> State:
        """The next value, as a batch of one."""
        return next(self.left)[None]

    def denoise(self, x_t: State, t: Times) -> State:
        """Records a call of the denoiser."""
        self.calls.append(Call(_weights(x_t), t.item()))
        return self.value()

    def draw(self) -> State:
        """Records a draw of noise."""
        self.calls.append(None)
        return self.value()


def _weights(vector: State) -> Weights:
    return {i: w for i, w in enumerate(vector[0].tolist()) if w}


def _sum(weights: Weights, values: list[State]) -> State:
    first, *others = (w * values[i] for i, w in weights.items())
    return sum(others, first)

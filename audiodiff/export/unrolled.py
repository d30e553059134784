"""A run whose figures are known beforehand, for graphs in which nothing may be looked at."""

from typing import Any, NamedTuple, TypeAlias

import torch

from audiodiff._types import Sampler, Schedule, State, Step, Times
from audiodiff.diffusion.times import TimeGrid

Weights: TypeAlias = dict[int, float]
"""Of values that are there already, by their place."""


class Call(NamedTuple):
    """A call of the denoiser for a sum of values at a time; what it gives is the next value."""

    weights: Weights
    t: float


class Sums(NamedTuple):
    """The calls of a step (None is a draw of noise), and the sum that it ends with."""

    calls: tuple[Call | None, ...]
    end: Weights


class Unrolled:
    """Another sampler over given times, as the sums that its steps come to.

    Every sampler here adds up states, estimates and draws, weighted by functions of the times. So
    it is run once with unit vectors in their place, and what comes out are the weights. Values are
    numbered through: a step's state, then what its calls and draws give, then the next step's.

    Args:
        sampler: Any whose steps are linear, which `Clamped` is not: it goes around this one.
        schedule: Of the process.
        times: Of the run; only it can be run.
    """

    def __init__(self, sampler: Sampler, schedule: Schedule, times: TimeGrid) -> None:
        self.calls = sampler.calls
        n_steps = len(times) - 1
        # A step draws once a call at most, and once more.
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
                # One time for all of a batch: what follows from it is a constant of the graph.
                values.append(step.denoise(_sum(call.weights, values), step.t.new_tensor([call.t])))
        return _sum(self.steps[n].end, values), (n + 1, values)


class _Record:
    """Stands for the denoiser and the noise, gives unit vectors and notes who asks for them.

    Args:
        size: Values at most.
    """

    def __init__(self, size: int) -> None:
        self.left = iter(torch.eye(size, dtype=torch.float64))
        self.calls: list[Call | None] = []

    def value(self) -> State:
        """The next value, as a batch of one."""
        return next(self.left)[None]

    def denoise(self, x_t: State, t: Times) -> State:
        """Notes what is asked for."""
        self.calls.append(Call(_weights(x_t), t.item()))
        return self.value()

    def draw(self) -> State:
        """Notes that noise is asked for."""
        self.calls.append(None)
        return self.value()


def _weights(vector: State) -> Weights:
    return {i: w for i, w in enumerate(vector[0].tolist()) if w}


def _sum(weights: Weights, values: list[State]) -> State:
    first, *others = (w * values[i] for i, w in weights.items())
    return sum(others, first)

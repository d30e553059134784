"""Linear multistep solvers whose coefficients are given, such as those that a search found."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import torch
from jaxtyping import Float64
from torch import Tensor

from audiodiff._types import Sampler, Schedule, State, Step
from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.samplers.exponential import first_order, first_order_weights

Coefficients: TypeAlias = tuple[tuple[float, ...], ...]
"""Weights of the estimates of each step, that at the step first and earlier ones after it."""

Memory: TypeAlias = tuple[int, tuple[State, ...]]
"""The number of steps done, and the estimates that later ones may need, the latest first."""


class LinearMultistep:
    """``x_r = k x_t + (alpha_r - k alpha_t) sum_j b_j x0_hat_j`` with ``k = sigma_r / sigma_t``.

    The exponential form in which DDIM has ``b = (1,)`` at every step and DPM-Solver++ and UniPC
    weights that follow from the times; here they are given, each step's own (S4S,
    arXiv:2502.17423, eq. 5). A run has as many steps as there are rows.

    Examples:
        >>> LinearMultistep([(1.0,), (1.5, -0.5)]).calls
        1

    Args:
        coefficients: A row for each step: the weight of its own estimate, and those of earlier
            ones from the latest on.

    Raises:
        AudiodiffError: If there is no row, or one has no weight or more than there are estimates.
    """

    calls = 1

    def __init__(self, coefficients: Sequence[Sequence[float]]) -> None:
        self.coefficients: Coefficients = tuple(tuple(row) for row in coefficients)
        for n, row in enumerate(self.coefficients, 1):
            if not 1 <= len(row) <= n:
                raise AudiodiffError(
                    f"coefficients: step {n} has {len(row)} weights; give 1 to {n}, as there are "
                    "estimates"
                )
        if not self.coefficients:
            raise AudiodiffError("coefficients are empty; give a row for each step")
        self.most = max(map(len, self.coefficients))

    def init(self) -> Memory:
        """No earlier step."""
        return 0, ()

    def step(self, x_t: State, step: Step, memory: Memory) -> tuple[State, Memory]:
        """One step with its own coefficients.

        Raises:
            AudiodiffError: If all of the coefficients are used up.
        """
        n, before = memory
        if n == len(self.coefficients):
            raise AudiodiffError(f"coefficients for {n} steps do not fit a longer run; give others")
        estimates = (step.denoise(x_t, step.t), *before)
        row = self.coefficients[n]
        first, *others = (b * x0 for b, x0 in zip(row, estimates, strict=False))
        return first_order(x_t, step, sum(others, first)), (n + 1, estimates[: self.most - 1])


def unit_states(
    sampler: Sampler, schedule: Schedule, times: TimeGrid
) -> list[Float64[Tensor, "1 terms"]]:
    """The states of a run as weights of the first state and of each step's estimate.

    Like samplers, they have gradients with respect to the times.

    Args:
        sampler: A sampler whose steps add up states and estimates.
        schedule: The noise schedule.
        times: Times of the run; they need not end at 0.

    Raises:
        AudiodiffError: If a step draws noise or makes two estimates.
    """
    name = type(sampler).__name__
    remedy = "give one that does not, such as ddim or dpm++2m"
    if sampler.calls != 1:
        raise AudiodiffError(f"the sampler {name} makes several estimates a step; {remedy}")

    def draw() -> State:
        raise AudiodiffError(f"the sampler {name} draws noise; {remedy}")

    terms = torch.eye(len(times), dtype=torch.float64)
    states, memory = [terms[:1]], sampler.init()
    for n in range(1, len(times)):
        estimate = terms[n : n + 1]
        t, r = times[n - 1 : n], times[n : n + 1]
        step = Step(schedule, t, r, lambda x_t, t, estimate=estimate: estimate, draw)
        x_r, memory = sampler.step(states[-1], step, memory)
        states.append(x_r)
    return states


def coefficients_of(sampler: Sampler, schedule: Schedule, times: TimeGrid) -> Coefficients:
    """The coefficients with which `LinearMultistep` makes another sampler's run.

    Examples:
        >>> from audiodiff.diffusion.schedules import RectifiedFlow
        >>> from audiodiff.samplers.ddim import DDIM
        >>> times = torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64)
        >>> coefficients_of(DDIM(), RectifiedFlow(), times)
        ((1.0,), (1.0,))

    Raises:
        AudiodiffError: If its steps draw noise, make two estimates, or are of another form.
    """
    rows = []
    for n, (x_t, x_r) in enumerate(pairwise(unit_states(sampler, schedule, times))):
        kept, new = first_order_weights(schedule, times[n : n + 1], times[n + 1 : n + 2])
        state, *weights = ((x_r - kept * x_t) / new)[0].tolist()
        if abs(state) > 1e-9:
            raise AudiodiffError(
                f"the sampler {type(sampler).__name__} is not of the exponential form; give one "
                "that is, such as ddim or dpm++2m"
            )
        row = weights[n::-1]
        while len(row) > 1 and not row[-1]:
            row.pop()
        rows.append(tuple(row))
    return tuple(rows)

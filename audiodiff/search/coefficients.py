"""Times and the coefficients of a linear multistep solver, fitted together to a fine run."""

import torch
import torch.nn.functional as F
from jaxtyping import Float64
from torch import Tensor

from audiodiff.diffusion.times import TimeGrid
from audiodiff.samplers.linear_multistep import LinearMultistep, coefficients_of
from audiodiff.search.contract import SearchSetting, Solved
from audiodiff.search.problem import N_CANDIDATES, Problem, Report

BUDGET = 200
"""Runs to make."""

N_CLIPS = 8
"""Most clips in each run; a few numbers for each step fit no clip in particular."""

N_ESTIMATES = 3
"""Estimates that a step adds up, if there are as many and the sampler itself adds up no more."""

CHANGE = 0.03
"""Change of a coefficient or of a log-SNR by which its effect is measured."""

LIMIT = 100.0
"""Greatest coefficient, which only an estimate of next to nothing could need."""

LESS, MORE = 1 / 4, 8.0
"""Factors of the damping after a step that was taken, and after one that was not."""

Numbers = Float64[Tensor, " numbers"]
"""What is fitted: the log-SNR at each time, then the coefficients row by row."""


class Coefficients:
    """The `coefficients` search.

    Args:
        setting: What it may use.

    Raises:
        AudiodiffError: If the sampler draws noise, makes two estimates a step, or does not add them
            up in the exponential form.
    """

    def __init__(self, setting: SearchSetting) -> None:
        self.problem = problem = setting.problem
        self.budget = setting.budget_or(BUDGET)
        coefficients_of(problem.solver, problem.model.schedule, problem.candidates(2))

    def __call__(self, start: TimeGrid, report: Report) -> Solved:
        """The times and coefficients found for as many steps as the start has."""
        return coefficients(self.problem, start, report, self.budget)


def coefficients(problem: Problem, start: TimeGrid, report: Report, budget: int = BUDGET) -> Solved:
    """Least squares between the ends of a run and of the sampler's own of `N_CANDIDATES` steps.

    Both set out from the same noise, with the model's guidance, and are compared as states in
    whitened coordinates. What is fitted are the coefficients of `LinearMultistep`, which begin as
    the sampler's, and the times (S4S-Alt, arXiv:2502.17423, without its freedom to move the noise).
    Each is changed a little in turn, which takes a run but no gradients through the network, and
    all are moved together by Levenberg and Marquardt's method, as long as that lowers the error and
    runs are left.

    Args:
        problem: Model, sampler and recordings.
        start: Times to set out from.
        report: Receives the fraction done.
        budget: Number of runs to make, beside the fine one.
    """
    few = problem.part(0, min(N_CLIPS, len(problem.waves)))
    fit = _Fit(few, start)
    numbers, left = fit.start, budget - 1
    damping, away = 1e-2, fit.away(numbers)
    while left > len(numbers):
        changed = torch.stack([fit.away(numbers + change) for change in fit.changes(numbers)])
        slopes = (changed - away) / fit.changes(numbers).sum(1, keepdim=True)
        left -= len(numbers)
        taken = False
        while left and not taken and damping < 1e6:
            moved = numbers + _step(slopes, away, damping)
            if fit.is_run(moved):
                left -= 1
                end = fit.away(moved)
                taken = bool(end.square().sum() < away.square().sum())
            damping *= LESS if taken else MORE
        report(1 - left / budget)
        if not taken:
            break
        numbers, away = moved, end
    problem.calls += few.calls
    return fit.run(numbers)


def _step(
    slopes: Float64[Tensor, "numbers values"], away: Float64[Tensor, " values"], damping: float
) -> Numbers:
    """``-(J J^T + damping diag(J J^T))^-1 J away``."""
    products = slopes @ slopes.T
    scale = products.diagonal().clamp(min=1e-12)
    return -torch.linalg.solve(products + damping * scale.diag(), slopes @ away)


class _Fit:
    """The numbers that are fitted, and how far from the fine run they lead.

    Args:
        problem: Model, sampler and recordings.
        times: Times to set out from.
    """

    def __init__(self, problem: Problem, times: TimeGrid) -> None:
        self.problem, self.n_steps = problem, len(times) - 1
        rows = coefficients_of(problem.solver, problem.model.schedule, times)
        self.sizes = [max(len(row), min(n, N_ESTIMATES)) for n, row in enumerate(rows, 1)]
        padded = [
            F.pad(times.new_tensor(row), (0, size - len(row)))
            for row, size in zip(rows, self.sizes, strict=True)
        ]
        self.start = torch.cat([problem.levels_of(times), *padded])
        self.fine = problem.end(problem.candidates(N_CANDIDATES))

    def run(self, numbers: Numbers) -> Solved:
        """The run of the numbers."""
        rows = numbers[self.n_steps :].split(self.sizes)
        times = self.problem.times_of(numbers[: self.n_steps])
        return Solved(times, tuple(tuple(row.tolist()) for row in rows))

    def is_run(self, numbers: Numbers) -> bool:
        """Whether the times fall, and no coefficient is beyond `LIMIT`."""
        falls = (self.run(numbers).times.diff() < 0).all()
        return bool(falls and (numbers[self.n_steps :].abs() <= LIMIT).all())

    def changes(self, numbers: Numbers) -> Float64[Tensor, "numbers numbers"]:
        """A change of each number, after which the times still fall."""
        size = torch.full_like(numbers, CHANGE)
        gaps = numbers[: self.n_steps].diff()
        size[: self.n_steps - 1] = torch.minimum(size[: self.n_steps - 1], gaps / 2)
        return size.diag()

    def away(self, numbers: Numbers) -> Float64[Tensor, " values"]:
        """What the run ends with, less what the fine run does."""
        times, rows = self.run(numbers)
        away = self.problem.end(times, LinearMultistep(rows)) - self.fine
        return self.problem.model.prior.whiten(away, self.problem.shape).flatten().double()

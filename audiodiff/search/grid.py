"""Exhaustive search on a coarse grid of times."""

import itertools
import math

from audiodiff.diffusion.times import TimeGrid
from audiodiff.search.contract import SearchSetting
from audiodiff.search.memory import remembered
from audiodiff.search.problem import Cost, Problem, Report
from audiodiff.search.spectral import spectral_cost

BUDGET = 200
"""Most runs to make, if that leaves as many times as there are steps."""


class Grid:
    """The `grid` search by `spectral_cost`; a killed one resumes with the costs it knew.

    Args:
        setting: What it may use.
    """

    def __init__(self, setting: SearchSetting) -> None:
        self.setting = setting
        self.budget = setting.budget_or(BUDGET)

    def __call__(self, start: TimeGrid, report: Report) -> TimeGrid:
        """The times found for as many steps as the start has."""
        problem, n_steps = self.setting.problem, len(start) - 1
        with remembered(spectral_cost(problem), problem, self.setting, f"grid-{n_steps}") as cost:
            return grid(problem, n_steps, report, cost, self.budget)


def grid(
    problem: Problem, n_steps: int, report: Report, cost: Cost, budget: int = BUDGET
) -> TimeGrid:
    """The best choice from a coarse grid, as in WaveGrad's search (arXiv:2009.00713, section 3.1).

    The grid's times are equal steps of log-SNR apart. There are as many as the budget allows to be
    combined, and the first may be left out like any other. WaveGrad's own grid is of betas and its
    cost is the log-mel error, which says nothing of a run that is projected onto its mel.

    Args:
        problem: Model, sampler and recordings.
        n_steps: Number of sampler steps.
        report: Receives the fraction done.
        cost: Cost of a run.
        budget: Most runs to make; exceeded only if the grid would have fewer times than steps.
    """
    n = n_steps
    while math.comb(n + 1, n_steps) <= budget:
        n += 1
    times = problem.candidates(n)
    choices = list(itertools.combinations(range(n), n_steps))
    best, least = choices[0], math.inf
    for tried, choice in enumerate(choices, 1):
        if (found := cost(times[[*choice, n]])) < least:
            best, least = choice, found
        report(tried / len(choices))
    return times[[*best, n]]

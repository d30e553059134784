"""Evolution of times by the PESQ of whole clips, or their ESTOI where PESQ is missing."""

import math

import numpy as np
import torch
from jaxtyping import Float64

from audiodiff.diffusion.times import TimeGrid
from audiodiff.search.contract import SearchSetting
from audiodiff.search.entry import SHARE, best_entry
from audiodiff.search.memory import remembered
from audiodiff.search.problem import Cost, Problem, Report

BUDGET = 60
"""Most runs to make."""


class Perceptual:
    """The `refine` search by the listener's score; a killed one resumes with the costs it knew.

    Args:
        setting: What it may use.
    """

    def __init__(self, setting: SearchSetting) -> None:
        self.setting = setting
        self.budget = setting.budget_or(BUDGET)

    def __call__(self, start: TimeGrid, report: Report) -> TimeGrid:
        """The times found for as many steps as the start has."""
        problem, listener, seed = self.setting.problem, self.setting.listener, self.setting.seed
        name = f"perceptual-{len(start) - 1}"

        def heard(times: TimeGrid) -> float:
            return -listener(times).score

        with remembered(heard, listener, self.setting, name) as cost:
            return refine(problem, start, report, cost, self.budget, seed)


def refine(
    problem: Problem,
    start: TimeGrid,
    report: Report,
    cost: Cost,
    budget: int = BUDGET,
    seed: int = 0,
) -> TimeGrid:
    """CMA-ES on the log-SNR of the times around a start (Hansen 2016, arXiv:1604.00772).

    It sets out from a `best_entry`. The first coordinate is the log-SNR of the first time, the
    others are the logarithms of the gaps between neighbours, so times always fall. A cost that
    listeners would share needs whole clips and at least 16 of them: with one clip, the times fit
    that clip.

    Args:
        problem: Model, sampler and recordings.
        start: Times to set out from.
        report: Receives the fraction done.
        cost: Cost of a run.
        budget: Number of runs to make, rounded up to whole generations.
        seed: Seed of the evolution, 0 or more.
    """
    import cma

    n_later = budget // SHARE
    best, least = best_entry(problem, start, cost, n_later)
    levels = problem.levels_of(best)
    x0 = torch.cat([levels[:1], levels.diff().clamp(min=1e-3).log()])

    def run_of(x: Float64[np.ndarray, " coordinates"]) -> TimeGrid:
        coordinates = torch.as_tensor(x, dtype=torch.float64)
        found = torch.cat([coordinates[:1], coordinates[1:].exp()]).cumsum(0)
        return problem.times_of(found)

    tried = 1 + n_later
    options = {"seed": seed + 1, "verbose": -9, "maxfevals": budget - tried}
    if len(x0) == 1:  # the library needs two coordinates; the second has no effect
        x0 = torch.cat([x0, x0.new_zeros(1)])
    evolution = cma.CMAEvolutionStrategy(x0.tolist(), 0.3, options)
    while tried < budget:
        points = evolution.ask()
        costs = []
        for point in points:
            times = run_of(point[: len(start) - 1])
            falls = bool((times.diff() < 0).all())
            costs.append(cost(times) if falls else math.inf)
            if costs[-1] < least:
                best, least = times, costs[-1]
            tried += 1
            report(min(1.0, tried / budget))
        evolution.tell(points, [c if math.isfinite(c) else 1e9 for c in costs])
    return best

"""Searches that make the sound of every run they try."""

import itertools
import math

import numpy as np
import torch
from jaxtyping import Float64

from audiodiff.audio.distance import SpectralDistance
from audiodiff.diffusion.times import TimeGrid
from audiodiff.search.entry import SHARE, best_entry
from audiodiff.search.problem import Cost, Problem, Report

WINDOWS = (256, 1024, 2048)
"""Of the spectrograms by which runs are compared, in samples."""


def spectral_cost(problem: Problem) -> Cost:
    """The mean `SpectralDistance` of a run's sound from the recordings."""
    distance = SpectralDistance(WINDOWS, problem.model.config.sample_rate)
    return lambda times: distance(problem.run(times), problem.waves).mean().item()


def grid(
    problem: Problem, n_steps: int, report: Report, cost: Cost | None = None, budget: int = 200
) -> TimeGrid:
    """All choices from a coarse grid, as WaveGrad's search (arXiv:2009.00713, section 3.1).

    The grid's times are equal steps of log-SNR apart, as many as the budget lets be combined; the
    first one may be left out too. WaveGrad's own grid is of betas and its cost the log-mel error,
    of which a run that is projected onto its mel has none; here it is `spectral_cost`.

    Args:
        problem: To be solved.
        n_steps: Of the run.
        report: Takes the fraction done.
        cost: Another one.
        budget: Runs at most, if that leaves as many times as there are steps.
    """
    cost = spectral_cost(problem) if cost is None else cost
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


def refine(
    problem: Problem, start: TimeGrid, report: Report, cost: Cost, budget: int = 60, seed: int = 0
) -> TimeGrid:
    """CMA-ES on the log-SNR of the times around a start (Hansen 2016, arXiv:1604.00772).

    It sets out from a `best_entry`. The first coordinate is the log-SNR of the first time, the
    others the logarithms of the gaps to the next, so that times always fall. A cost that listeners
    would share needs whole clips, and at least 16 of them: with one the times fit that one.

    Args:
        problem: To be solved.
        start: Times to set out from.
        report: Takes the fraction done.
        cost: Of a run.
        budget: Runs at most.
        seed: Of the search.
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
    if len(x0) == 1:  # the library wants two; the other has no effect
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

"""Where in time a run sets out, for the searches that descend from a run."""

import torch
from jaxtyping import Float64
from torch import Tensor

from audiodiff.diffusion.times import TimeGrid, log_snr
from audiodiff.search.problem import Cost, Problem

Levels = Float64[Tensor, " n_steps"]
"""The log-SNR of every time of a run but the last, which is 0."""

SHARE = 5
"""Of this many tries of a descent, one goes to a later entry."""


def levels_of(problem: Problem, times: TimeGrid) -> Levels:
    """A run's levels, the first as near to its own as there is some signal."""
    schedule = problem.model.schedule
    return log_snr(schedule, times[:-1].clamp(max=1 - schedule.t_min))


def times_of(problem: Problem, levels: Levels) -> TimeGrid:
    """The run that has given levels, as far as the model may be called there."""
    schedule, (first, _) = problem.model.schedule, problem.ends()
    times = schedule.t_of_log_snr(torch.minimum(levels, latest(problem))).clamp(max=first)
    return torch.cat([times, times.new_zeros(1)])


def latest(problem: Problem) -> Float64[Tensor, ""]:
    """The log-SNR of the last time at which the network may be called."""
    schedule, (_, last) = problem.model.schedule, problem.ends()
    return log_snr(schedule, torch.tensor([last], dtype=torch.float64))[0]


def best_entry(problem: Problem, start: TimeGrid, cost: Cost, n: int) -> tuple[TimeGrid, float]:
    """The start or one of ``n`` runs that set out later, whichever costs least, and its cost.

    Every run sets out from noise alone, whatever its first time; the later that is, the more signal
    is missing and the nearer together the steps are. Run k of n has the levels ``l_i + (L - l_i) k
    / (n + 1)``, with L the latest: its steps keep their proportions. A descent hardly finds the
    way there by itself, as the start may lie where the signal is next to nothing.

    Args:
        problem: To be solved.
        start: A run.
        cost: Of a run.
        n: Of the later ones.
    """
    levels = levels_of(problem, start)
    way = latest(problem) - levels
    runs = [start, *(times_of(problem, levels + way * (k / (n + 1))) for k in range(1, n + 1))]
    costs = [cost(run) for run in runs]
    least = min(range(n + 1), key=costs.__getitem__)
    return runs[least], costs[least]

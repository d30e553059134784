"""The time at which a run sets out, for searches that descend from a run."""

from audiodiff.diffusion.times import TimeGrid
from audiodiff.search.problem import Cost, Problem

SHARE = 5
"""One in this many runs of a descent tries a later entry."""


def best_entry(problem: Problem, start: TimeGrid, cost: Cost, n: int) -> tuple[TimeGrid, float]:
    """The cheapest among the start and ``n`` runs that set out later, and its cost.

    Every run sets out from noise alone, whatever its first time; the later that is, the more signal
    is missing and the closer together the steps are. Run k of n has the levels ``l_i + (L - l_i) k
    / (n + 1)``, where L is the latest level, so its steps keep their proportions. A descent rarely
    gets there by itself, since the start may lie where there is next to no signal.

    Args:
        problem: Model, sampler and recordings.
        start: Times of the run that sets out earliest.
        cost: Cost of a run.
        n: Number of later runs to try.
    """
    levels = problem.levels_of(start)
    way = problem.level_range()[1] - levels
    runs = [start, *(problem.times_of(levels + way * (k / (n + 1))) for k in range(1, n + 1))]
    costs = [cost(run) for run in runs]
    least = min(range(n + 1), key=costs.__getitem__)
    return runs[least], costs[least]

"""Where in time a run sets out, for the searches that descend from a run."""

from audiodiff.diffusion.times import TimeGrid
from audiodiff.search.problem import Cost, Problem

SHARE = 5
"""Of this many tries of a descent, one goes to a later entry."""


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
    levels = problem.levels_of(start)
    way = problem.level_range()[1] - levels
    runs = [start, *(problem.times_of(levels + way * (k / (n + 1))) for k in range(1, n + 1))]
    costs = [cost(run) for run in runs]
    least = min(range(n + 1), key=costs.__getitem__)
    return runs[least], costs[least]

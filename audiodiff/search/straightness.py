"""Times at equal shares of how much the flow bends."""

import torch

from audiodiff.diffusion.times import TimeGrid
from audiodiff.search.contract import SearchSetting
from audiodiff.search.problem import N_CANDIDATES, Problem, Report


class Straightness:
    """The `straightness` search; all numbers of steps share its network calls.

    Args:
        setting: What it may use.
    """

    def __init__(self, setting: SearchSetting) -> None:
        self.problem = setting.problem

    def __call__(self, start: TimeGrid, report: Report) -> TimeGrid:
        """The times found for as many steps as the start has."""
        return straightness(self.problem, len(start) - 1, report)


def straightness(problem: Problem, n_steps: int, report: Report) -> TimeGrid:
    """Times between which the straightness grows by equal amounts (RFWave, arXiv:2403.05010).

    ``S(t) = int_0^t E||(eps - x0) - v_hat||^2``, with the integral taken over the candidates. In
    terms of the estimate ``x0_hat`` the integrand is ``(1 + alpha / sigma)^2 E||x0 - x0_hat||^2``,
    since ``eps_hat - eps = (alpha / sigma) (x0 - x0_hat)``. The network is called once for each
    candidate, whatever the number of steps.

    Args:
        problem: Model, sampler and recordings.
        n_steps: Number of sampler steps.
        report: Receives the fraction done.
    """
    times = problem.candidates(N_CANDIDATES)
    schedule = problem.model.schedule
    errors = torch.tensor(problem.estimate_errors(report), dtype=torch.float64)
    bend = (1 + schedule.alpha(times[:-1]) / schedule.sigma(times[:-1])) ** 2 * errors
    length = times[:-2] - times[1:-1]
    grown = torch.cat([length.new_zeros(1), ((bend[1:] + bend[:-1]) / 2 * length).cumsum(0)])
    wanted = torch.linspace(0, 1, n_steps + 1, dtype=torch.float64)[:-1] * grown[-1]
    above = torch.searchsorted(grown, wanted).clamp(1, len(grown) - 1)
    share = (wanted - grown[above - 1]) / (grown[above] - grown[above - 1])
    found = times[above - 1] + share * (times[above] - times[above - 1])
    return torch.cat([found, found.new_zeros(1)])

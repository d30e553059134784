"""Dynamic programming over candidate times on a bound of the likelihood."""

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff.diffusion.times import TimeGrid, log_snr
from audiodiff.search.contract import SearchSetting
from audiodiff.search.problem import N_CANDIDATES, Problem, Report


class Likelihood:
    """The `likelihood` search; all numbers of steps share its network calls.

    Args:
        setting: What it may use.
    """

    def __init__(self, setting: SearchSetting) -> None:
        self.problem = setting.problem

    def __call__(self, start: TimeGrid, report: Report) -> TimeGrid:
        """The times found for as many steps as the start has."""
        return likelihood(self.problem, len(start) - 1, report)


def likelihood(problem: Problem, n_steps: int, report: Report) -> TimeGrid:
    """The times of the tightest bound on the likelihood (Watson et al. 2021, arXiv:2106.03802).

    A step from t to s costs ``(SNR(s) - SNR(t)) / 2 E||x0 - x0_hat(x_t, t)||^2``, the divergence
    between two Gaussians of DDPM (in the form of arXiv:2107.00630, eq. 13). The network is called
    once for each candidate, not for each pair. The bound ignores the sampler and says nothing of
    how a few steps sound, so its times are no more than a proposal.

    Args:
        problem: Model, sampler and recordings.
        n_steps: Number of sampler steps, at most `N_CANDIDATES`.
        report: Receives the fraction done.
    """
    times = problem.candidates(N_CANDIDATES)
    errors = problem.estimate_errors(report)
    # The step to the data costs the same wherever it begins: the SNR counts up to the last time.
    snr = log_snr(problem.model.schedule, times[:-1]).exp()
    snr = torch.cat([snr, snr[-1:]])
    cost = (snr[None] - snr[:, None]) * torch.tensor([*errors, 0.0], dtype=torch.float64)[:, None]
    return times[_shortest(cost / 2, n_steps)]


def _shortest(cost: Float[Tensor, "n n"], n_steps: int) -> list[int]:
    """The path of ``n_steps`` edges from the first node to the last with the least total cost.

    ``D[k, j] = min over i < j of D[k - 1, i] + cost[i, j]``.
    """
    n = len(cost)
    forward = torch.ones(n, n, dtype=torch.bool).triu(1)
    cost = cost.masked_fill(~forward, torch.inf)
    best = torch.full((n,), torch.inf, dtype=torch.float64)
    best[0] = 0
    parents = []
    for _ in range(n_steps):
        best, parent = (best[:, None] + cost).min(0)
        parents.append(parent)
    path = [n - 1]
    for parent in reversed(parents):
        path.append(int(parent[path[-1]]))
    return path[::-1]

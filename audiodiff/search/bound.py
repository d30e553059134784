"""Times by a bound on what the errors of all estimates add up to."""

import torch
from jaxtyping import Float64
from torch import Tensor

from audiodiff.diffusion.times import TimeGrid
from audiodiff.samplers.exponential import first_order_weights
from audiodiff.samplers.linear_multistep import unit_states
from audiodiff.search.contract import SearchSetting
from audiodiff.search.problem import N_CANDIDATES, Levels, Problem, Report

N_TRIES = 100
"""Steps of the descent, which call no network."""

RATE = 0.1
"""Learning rate of Adam, for logarithms of gaps."""


class Bound:
    """The `bound` search; all numbers of steps share its network calls.

    Args:
        setting: What it may use.

    Raises:
        AudiodiffError: If the sampler draws noise or makes two estimates a step.
    """

    def __init__(self, setting: SearchSetting) -> None:
        self.problem = setting.problem
        unit_states(self.problem.solver, self.problem.model.schedule, self.problem.candidates(2))

    def __call__(self, start: TimeGrid, report: Report) -> TimeGrid:
        """The times found for as many steps as the start has."""
        return bound(self.problem, len(start) - 1, report)


def bound(problem: Problem, n_steps: int, report: Report) -> TimeGrid:
    """The times whose errors add up to least by the triangle inequality (arXiv:2402.17376, eq. 8).

    The sampler ends with ``sum_i w_i x0_hat_i``, weights that follow from the times alone, and so
    no further from the data than ``sum_i |w_i| e(t_i)``, where e is the root of the mean squared
    error of the estimate. The paper assumes powers of sigma / alpha for e; here it is measured. It
    is a bound on sound at the schedule's t_min, where the last step would otherwise hide all but
    one weight. The first time stays; Adam moves the logarithms of the gaps of log-SNR between the
    others, from equal ones. The network is called once for each candidate.

    Args:
        problem: Model, sampler and recordings.
        n_steps: Number of sampler steps.
        report: Receives the fraction done.
    """
    low, high = problem.level_range()
    errors = torch.tensor(problem.estimate_errors(report), dtype=torch.float64).sqrt()
    gaps = torch.zeros(n_steps, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([gaps], RATE)
    best, least = problem.candidates(n_steps), float("inf")
    for _ in range(N_TRIES if n_steps > 1 else 0):
        with torch.enable_grad():
            shares = gaps.softmax(0).cumsum(0)
            levels = low + (high - low) * torch.cat([shares.new_zeros(1), shares[:-1]])
            times = problem.times_of(levels)
            total = (_weights(problem, times).abs() * _at(errors, levels, low, high)).sum()
            (gaps.grad,) = torch.autograd.grad(total.log(), gaps)
        if total.item() < least:
            best, least = times.detach(), total.item()
        optimizer.step()
    best[0] = problem.ends()[0]
    return best


def _weights(problem: Problem, times: TimeGrid) -> Float64[Tensor, " n_steps"]:
    """The weights of the estimates in a run that ends at t_min, its last step of order 1."""
    schedule = problem.model.schedule
    state = unit_states(problem.solver, schedule, times[:-1])[-1][0]
    end = times.new_tensor([problem.ends()[1]])
    kept, new = first_order_weights(schedule, times[-2:-1], end)
    return torch.cat([kept * state[1:], new])


def _at(errors: Float64[Tensor, " n"], levels: Levels, low: float, high: float) -> Levels:
    """The errors at levels, between those of the candidates, which are equally far apart."""
    place = (levels - low) / (high - low) * (N_CANDIDATES - 1)
    below = place.detach().floor().clamp(0, N_CANDIDATES - 2).long()
    return torch.lerp(errors[below], errors[below + 1], place - below)

"""Times by gradient descent through the sampler."""

import torch
from jaxtyping import Float64
from torch import Tensor

from audiodiff.audio.distance import SpectralDistance
from audiodiff.diffusion.times import TimeGrid
from audiodiff.search.entry import SHARE, best_entry
from audiodiff.search.grid import WINDOWS
from audiodiff.search.problem import Problem, Report

N_CLIPS = 4
"""Of the problem's clips, heard by turns: the whole run of each is kept for the gradient."""

RATE = 0.1
"""Adam's, for logarithms of gaps."""

LEAST_GAP = 0.005
"""A share of the range: from less, a descent of some tens of steps does not get away."""


def gradient(problem: Problem, start: TimeGrid, report: Report, budget: int = 60) -> TimeGrid:
    """Descends the spectral distance of the run's sound, differentiated through every step.

    A `best_entry` is sought first. Then the levels of log-SNR are ``l_i = l_first + (l_last -
    l_first) sum_{k <= i} softmax(g)_k``, between the first and the last time at which the network
    may be called, with a gap more than there are times, which is what is left until the last: so
    times always fall and stay in range. The projection onto the mel, if the model ends with one,
    is left out. What is returned is the mean of the gaps over the last half of the descent, which
    hears few clips at a time.

    Args:
        problem: To be solved.
        start: Times to set out from.
        report: Takes the fraction done.
        budget: Runs, each but those of the entry with its gradient.
    """
    distance = SpectralDistance(WINDOWS, problem.model.config.sample_rate)

    def loss_of(part: Problem, times: TimeGrid) -> Tensor:
        loss = distance(part.plain_run(times), part.waves).mean()
        problem.calls += part.calls
        part.calls = 0
        return loss

    few, n_later = problem.part(0, N_CLIPS), budget // SHARE
    start, _ = best_entry(problem, start, lambda times: loss_of(few, times).item(), n_later)
    gaps = _gaps_of(problem, start).requires_grad_()
    optimizer = torch.optim.Adam([gaps], RATE)
    mean = torch.zeros_like(gaps)
    n_steps = budget - n_later
    for i in range(n_steps):
        with torch.enable_grad():
            times = _times_of(problem, gaps.softmax(0))
            loss = loss_of(problem.part(i * N_CLIPS, N_CLIPS), times)
            (gaps.grad,) = torch.autograd.grad(loss, gaps)
        optimizer.step()
        if i >= n_steps // 2:
            mean += gaps.detach().softmax(0) / (n_steps - n_steps // 2)
        report((n_later + i + 1) / budget)
    return _times_of(problem, mean)


def _gaps_of(problem: Problem, run: TimeGrid) -> Float64[Tensor, " gaps"]:
    """The logarithms of gaps that give a run, each at least `LEAST_GAP`."""
    low, high = problem.level_range()
    levels = problem.levels_of(run)
    levels = torch.cat([levels.new_tensor([low]), levels, levels.new_tensor([high])])
    return (levels.diff() / (high - low)).clamp(min=LEAST_GAP).log()


def _times_of(problem: Problem, gaps: Float64[Tensor, " gaps"]) -> TimeGrid:
    """The run of given gaps, which are shares of the range."""
    low, high = problem.level_range()
    return problem.times_of(low + (high - low) * gaps[:-1].cumsum(0))

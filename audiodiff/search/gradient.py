"""Times by gradient descent through the sampler."""

import torch
from jaxtyping import Float64
from torch import Tensor

from audiodiff.audio.distance import SpectralDistance
from audiodiff.diffusion.times import TimeGrid, log_snr
from audiodiff.search.grid import WINDOWS
from audiodiff.search.problem import Problem, Report

N_CLIPS = 4
"""Of the problem's clips, heard by turns: the whole run of each is kept for the gradient."""

RATE = 0.1
"""Adam's, for logarithms of gaps."""


def gradient(problem: Problem, start: TimeGrid, report: Report, budget: int = 60) -> TimeGrid:
    """Descends the spectral distance of the run's sound, differentiated through every step.

    The levels of log-SNR are ``l_i = l_0 + (l_last - l_0) sum_{k <= i} softmax(g)_k`` with a gap
    more than there are times after the first, which is what is left until the latest time: so
    times always fall and stay in range. The first time stays where it is. The projection onto
    the mel, if the model ends with one, is left out. What is returned is the mean of the levels
    over the last half of the descent, which hears few clips at a time.

    Args:
        problem: To be solved.
        start: Times to set out from.
        report: Takes the fraction done.
        budget: Steps of the descent, with a run and its gradient each.
    """
    if len(start) == 2:
        return start  # nothing but the first time
    gaps = _gaps_of(problem, start).requires_grad_()
    optimizer = torch.optim.Adam([gaps], RATE)
    distance = SpectralDistance(WINDOWS, problem.model.config.sample_rate)
    mean = torch.zeros_like(gaps)
    for i in range(budget):
        part = problem.part(i * N_CLIPS, N_CLIPS)
        with torch.enable_grad():
            times = _times_of(problem, start, gaps)
            loss = distance(part.plain_run(times), part.waves).mean()
            (gaps.grad,) = torch.autograd.grad(loss, gaps)
        problem.calls += part.calls
        optimizer.step()
        if i >= budget // 2:
            mean += gaps.detach().softmax(0) / (budget - budget // 2)
        report((i + 1) / budget)
    return _times_of(problem, start, mean.log()).detach()


def _range(problem: Problem, start: TimeGrid) -> Float64[Tensor, " 2"]:
    """Log-SNR at the first time, or as near to it as there is signal, and at the latest."""
    schedule = problem.model.schedule
    first = start[0].clamp(max=1 - schedule.t_min)
    return log_snr(schedule, torch.stack([first, first.new_tensor(schedule.t_min)]))


def _gaps_of(problem: Problem, start: TimeGrid) -> Float64[Tensor, " gaps"]:
    """The logarithms of gaps that give the start."""
    low, high = _range(problem, start)
    inner = log_snr(problem.model.schedule, start[1:-1])
    levels = torch.cat([low[None], inner, high[None]])
    return ((levels.diff() / (high - low)).clamp(min=1e-3)).log()


def _times_of(problem: Problem, start: TimeGrid, gaps: Float64[Tensor, " gaps"]) -> TimeGrid:
    """The times of given gaps."""
    low, high = _range(problem, start)
    levels = low + (high - low) * gaps.softmax(0)[:-1].cumsum(0)
    inner = problem.model.schedule.t_of_log_snr(levels)
    return torch.cat([start[:1], inner, start[-1:]])

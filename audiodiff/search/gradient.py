"""Gradient descent on times, through the sampler."""

import torch
from jaxtyping import Float64
from torch import Tensor

from audiodiff.audio.distance import SpectralDistance
from audiodiff.codecs.latent import mels_of
from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.search.contract import SearchSetting
from audiodiff.search.entry import SHARE, best_entry
from audiodiff.search.problem import Problem, Report
from audiodiff.search.spectral import WINDOWS

BUDGET = 60
"""Runs to make."""

N_CLIPS = 4
"""Clips in each run, by turns: the gradient keeps the whole run of each in memory."""

RATE = 0.1
"""Learning rate of Adam, for logarithms of gaps."""

LEAST_GAP = 0.005
"""Smallest gap at the start, as a share of the range; a few dozen steps cannot widen less."""


class Gradient:
    """The `gradient` search.

    Args:
        setting: What it may use.

    Raises:
        AudiodiffError: If a vocoder makes the model's sound.
    """

    def __init__(self, setting: SearchSetting) -> None:
        model = setting.problem.model
        if mels_of(model.codec) is not None:
            raise AudiodiffError(
                "method='gradient' needs the gradient of the sound, which the vocoder of "
                f"codec.kind={model.config.codec.kind!r} does not give; use trajectory, grid or "
                "perceptual"
            )
        self.problem = setting.problem
        self.budget = setting.budget_or(BUDGET)

    def __call__(self, start: TimeGrid, report: Report) -> TimeGrid:
        """The times found for as many steps as the start has."""
        return gradient(self.problem, start, report, self.budget)


def gradient(problem: Problem, start: TimeGrid, report: Report, budget: int = BUDGET) -> TimeGrid:
    """Minimises the spectral distance of the run's sound by its gradient through every step.

    The search first finds a `best_entry`. Then the levels of log-SNR are ``l_i = l_first + (l_last
    - l_first) sum_{k <= i} softmax(g)_k``, between the first and the last time at which the network
    may be called. There is one more gap than there are times, for what is left before the last
    time, so times always fall and stay in range. The projection onto the mel, if the model ends
    with one, is left out. The result is the mean of the gaps over the last half of the descent,
    since each step hears few clips.

    Args:
        problem: Model, sampler and recordings.
        start: Times to set out from.
        report: Receives the fraction done.
        budget: Number of runs to make, each with its gradient except those that find the entry.
    """
    distance = SpectralDistance(WINDOWS, problem.model.config.sample_rate)

    def loss_of(part: Problem, times: TimeGrid) -> Tensor:
        loss = distance(part.plain_run(times), part.target).mean()
        problem.calls += part.calls
        part.calls = 0
        return loss

    _ = problem.target  # once for all parts
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
    """The logarithms of a run's gaps, each gap at least `LEAST_GAP`."""
    low, high = problem.level_range()
    levels = problem.levels_of(run)
    levels = torch.cat([levels.new_tensor([low]), levels, levels.new_tensor([high])])
    return (levels.diff() / (high - low)).clamp(min=LEAST_GAP).log()


def _times_of(problem: Problem, gaps: Float64[Tensor, " gaps"]) -> TimeGrid:
    """The run with the given gaps, which are shares of the range."""
    low, high = problem.level_range()
    return problem.times_of(low + (high - low) * gaps[:-1].cumsum(0))

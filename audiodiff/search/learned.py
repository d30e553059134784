"""A learned scheduler: BDDM (Lam et al. 2022, arXiv:2203.13508)."""

import itertools
import math
from pathlib import Path

import torch
from torch import nn

from audiodiff._types import State, Step, Times
from audiodiff.diffusion.targets import expand
from audiodiff.diffusion.times import TimeGrid, log_snr
from audiodiff.errors import AudiodiffError
from audiodiff.samplers.ddpm import DDPM
from audiodiff.search.grid import spectral_cost
from audiodiff.search.problem import Problem, Report
from audiodiff.training.state import Progress, load_state, save_state

N_CLIPS = 4
"""Of the problem's, in each step of training and in the choice of the starting values."""

CHECKPOINT_EVERY = 50
TRAINING = ".search-learned.safetensors"
"""Where a search keeps its training until it is over."""

START = 9
"""Values of alpha_N and of beta_N that a run is tried from, as in the authors' grid."""


class EndsEarlyError(AudiodiffError):
    """The scheduler makes no run of so many steps."""


def forget_training(directory: Path) -> None:
    """Deletes what `learned` keeps, once the search is over."""
    (directory / TRAINING).unlink(missing_ok=True)


class ScheduleNet(nn.Module):
    """The rho in (0, 1): by which fraction of its bound the next beta is to fall short.

    It sees the state through the logarithm of its power, its kurtosis and the correlation of
    neighbouring steps, in whitened coordinates, and the log-SNR.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1)
        )

    def forward(self, white: State, level: Times) -> Times:
        """One number for each item."""
        x = white.flatten(1, -2) if white.ndim > 2 else white[:, None]
        power = x.square().mean((1, 2))
        kurtosis = x.pow(4).mean((1, 2)) / power.square()
        neighbours = (x[..., 1:] * x[..., :-1]).mean((1, 2)) / power
        features = torch.stack([power.log(), kurtosis.log(), neighbours, level.to(x) / 10], 1)
        return torch.sigmoid(self.layers(features))[:, 0].to(level)


def learned(
    problem: Problem, n_steps: int, report: Report, directory: Path, budget: int = 500
) -> TimeGrid:
    """Trains a `ScheduleNet` on the frozen model and lets it lay out the run.

    With ``a = sigmoid(log-SNR)`` for alpha_bar, so that it serves any schedule, and
    ``d2 = 1 - a``, the loss for each of D numbers is ``d2 / (2 (d2 - b)) ||eps - b / d2
    eps_hat||^2 + (log(d2 / b) / 4) / D + (b / d2 - 1) / 2`` for ``b = min(b', 1 - a) rho``
    (eq. 14), with b' the beta of the step before. A run starts at each of 81 pairs (alpha_N,
    beta_N) and goes on by ``a_{n-1} = a_n / (1 - b_n)``; those that last for all steps compete by
    their spectral distance.

    Args:
        problem: To be solved.
        n_steps: Of the run.
        report: Takes the fraction done.
        directory: Where training is kept, so that it can go on when killed.
        budget: Steps of training, of a few clips each; all step counts share one training.

    Raises:
        EndsEarlyError: If the scheduler makes no run of so many steps.
    """
    net = _trained(problem, budget, directory, lambda done: report(0.8 * done))
    part = problem.part(0, N_CLIPS)
    cost = spectral_cost(part)
    best, least = None, math.inf
    pairs = list(itertools.product(range(1, START + 1), repeat=2))
    for tried, (i, j) in enumerate(pairs, 1):
        times = _laid_out(part, net, n_steps, i / (START + 1), j / (START + 1))
        if times is not None and (found := cost(times)) < least:
            best, least = times, found
        report(0.8 + 0.2 * tried / len(pairs))
    problem.calls += part.calls
    if best is None:
        raise EndsEarlyError(
            f"the learned scheduler ends every run before n_steps={n_steps}; ask for fewer steps "
            "or give a larger --budget"
        )
    return best


def _trained(problem: Problem, budget: int, directory: Path, report: Report) -> ScheduleNet:
    """The network after so many steps, of which some may have been done before."""
    torch.manual_seed(problem.seeds[0])
    net = ScheduleNet()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
    progress = Progress(step=0, items=0, clips=[str(seed) for seed in problem.seeds])
    path = directory / TRAINING
    if path.exists():
        progress = load_state(path, net, {}, optimizer, progress)
        problem.calls += progress.items  # which this run rests on, too
    while progress.step < budget:
        part = problem.part(progress.items, N_CLIPS)
        with torch.enable_grad():
            loss = _loss(part, net, progress.step)
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
        problem.calls += part.calls
        progress = progress.after(N_CLIPS)
        report(progress.step / budget)
        if progress.step % CHECKPOINT_EVERY == 0 or progress.step == budget:
            save_state(path, net, {}, optimizer, progress)
    return net


def _loss(part: Problem, net: ScheduleNet, step: int) -> torch.Tensor:
    """Of one level, the same for all clips, and a step to it of a length at random."""
    schedule = part.model.schedule
    generator = torch.Generator().manual_seed(step)
    u, length = torch.rand(2, generator=generator, dtype=torch.float64)
    low, high = log_snr(
        schedule, torch.tensor([1 - schedule.t_min, schedule.t_min], dtype=torch.float64)
    )
    level = low + (high - low) * u
    before = level - (high - low) * (0.02 + 0.3 * length)
    t = part.batch(schedule.t_of_log_snr(level[None])[0])
    with torch.no_grad():
        x_t = part.diffused(t[0])
        alpha, sigma = (expand(f(t), x_t) for f in (schedule.alpha, schedule.sigma))
        eps_hat = (x_t - alpha * part.denoise(x_t, t)) / sigma
        white, eps, eps_hat = (
            part.model.prior.whiten(x, part.shape) for x in (x_t, part.eps, eps_hat)
        )
    a, d2 = torch.sigmoid(level), torch.sigmoid(-level)
    bound = torch.minimum(1 - torch.sigmoid(before) / a, d2)
    b = bound * net(white, level.expand(len(white)))
    error = (eps - expand(b / d2, eps) * eps_hat).square().flatten(1).mean(1)
    n = eps[0].numel()
    loss = d2 / (2 * (d2 - b)) * error + (d2 / b).log() / (4 * n) + (b / d2 - 1) / 2
    return loss.mean() * n


def _laid_out(
    part: Problem, net: ScheduleNet, n_steps: int, alpha: float, beta: float
) -> TimeGrid | None:
    """The times of a run from ``alpha_N, beta_N``, or None if it is over too early."""
    schedule = part.model.schedule
    a, b = torch.tensor(alpha**2, dtype=torch.float64), torch.tensor(beta, dtype=torch.float64)
    least = log_snr(schedule, torch.tensor([1 - schedule.t_min], dtype=torch.float64))[0]
    highest = log_snr(schedule, torch.tensor([schedule.t_min], dtype=torch.float64))[0]
    times = [schedule.t_of_log_snr(torch.logit(a).clamp(min=least)[None])[0]]
    x = part.start(times[0])
    draw = part.draws()
    while len(times) < n_steps:
        a = a / (1 - b)
        if not a < 1 or torch.logit(a) >= highest:
            return None
        times.append(schedule.t_of_log_snr(torch.logit(a)[None])[0])
        t, r = part.batch(times[-2]), part.batch(times[-1])
        x, _ = DDPM().step(x, Step(schedule, t, r, part.denoise, draw), None)
        level = torch.logit(a).expand(len(x))
        rho = net(part.model.prior.whiten(x, part.shape), level).mean()
        b = torch.minimum(b, 1 - a) * rho
    grid = torch.stack([*times, torch.zeros_like(a)])
    return grid if bool((grid.diff() < 0).all()) and grid[0] <= 1 else None

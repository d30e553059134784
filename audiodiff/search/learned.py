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
from audiodiff.search.contract import SearchSetting
from audiodiff.search.problem import Problem, Report
from audiodiff.search.spectral import spectral_cost
from audiodiff.training.state import Progress, load_state, save_state

N_CLIPS = 4
"""Clips in each training step, and in the choice of the starting values."""

BUDGET = 500
"""Training steps."""

CHECKPOINT_EVERY = 50
"""Training steps between checkpoints."""

TRAINING = ".search-learned.safetensors"
"""Name of the checkpoint in the scratch folder."""

START = 9
"""Number of starting values tried for each of alpha_N and beta_N, as in the authors' grid."""


class EndsEarlyError(AudiodiffError):
    """The learned scheduler ends every run before the number of steps asked for."""


class Learned:
    """The `learned` search; all numbers of steps share one training, which a killed search resumes.

    Args:
        setting: What it may use.
    """

    def __init__(self, setting: SearchSetting) -> None:
        self.problem, self.scratch = setting.problem, setting.scratch
        self.budget = setting.budget_or(BUDGET)

    def __call__(self, start: TimeGrid, report: Report) -> TimeGrid:
        """The times found for as many steps as the start has.

        Raises:
            EndsEarlyError: If the scheduler ends every run earlier.
        """
        return learned(self.problem, len(start) - 1, report, self.scratch, self.budget)


class ScheduleNet(nn.Module):
    """Predicts rho in (0, 1), the next beta as a fraction of its bound.

    Its inputs are the logarithms of the state's power and kurtosis and the correlation of
    neighbours in time, in whitened coordinates, and the log-SNR.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1)
        )

    def forward(self, white: State, level: Times) -> Times:
        """The rho of each item."""
        x = white.flatten(1, -2) if white.ndim > 2 else white[:, None]
        power = x.square().mean((1, 2))
        kurtosis = x.pow(4).mean((1, 2)) / power.square()
        neighbours = (x[..., 1:] * x[..., :-1]).mean((1, 2)) / power
        features = torch.stack([power.log(), kurtosis.log(), neighbours, level.to(x) / 10], 1)
        return torch.sigmoid(self.layers(features))[:, 0].to(level)


def learned(
    problem: Problem, n_steps: int, report: Report, directory: Path, budget: int = BUDGET
) -> TimeGrid:
    """Times laid out by a `ScheduleNet` that is trained on the frozen model.

    With ``a = sigmoid(log-SNR)`` for alpha_bar, so that it serves any schedule, and
    ``d2 = 1 - a``, the loss for each of the D numbers of a state is ``d2 / (2 (d2 - b)) ||eps -
    b / d2 eps_hat||^2 + (log(d2 / b) / 4) / D + (b / d2 - 1) / 2`` for ``b = min(b', 1 - a) rho``
    (eq. 14), with b' the beta of the step before. A run starts at each of 81 pairs (alpha_N,
    beta_N) and continues by ``a_{n-1} = a_n / (1 - b_n)``; those that last for all steps compete
    by `spectral_cost`.

    Args:
        problem: Model, sampler and recordings.
        n_steps: Number of sampler steps.
        report: Receives the fraction done.
        directory: Folder of the checkpoint, from which a killed training resumes.
        budget: Number of training steps.

    Raises:
        EndsEarlyError: If the scheduler ends every run before ``n_steps``.
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
    """The network after ``budget`` training steps, resumed from the checkpoint if there is one."""
    torch.manual_seed(problem.seeds[0])
    net = ScheduleNet()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
    progress = Progress(step=0, items=0, clips=[str(seed) for seed in problem.seeds])
    path = directory / TRAINING
    if path.exists():
        progress = load_state(path, {"network": net}, {}, optimizer, progress)
        problem.calls += progress.items  # calls of the training so far count too
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
            save_state(path, {"network": net}, {}, optimizer, progress)
    return net


def _loss(part: Problem, net: ScheduleNet, step: int) -> torch.Tensor:
    """The loss at one random level, the same for all clips, after a step of random length."""
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
    """The times of a run from ``alpha_N, beta_N``; None if it ends before ``n_steps``."""
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

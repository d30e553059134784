"""The times that a run visits: decreasing, from noise to t = 0, ``n_steps + 1`` of them."""

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Schedule
from audiodiff.errors import AudiodiffError

RHO = 7
"""EDM's exponent."""

TimeGrid = Float[Tensor, " n_steps_and_one"]


def log_snr(schedule: Schedule, t: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """``log(alpha^2 / sigma^2)``; infinite at t = 0."""
    return 2 * (schedule.alpha(t).log() - schedule.sigma(t).log())


Range = tuple[float, float] | None
"""The first and the last time at which the network is called, or the rule's own."""


def uniform(schedule: Schedule, n_steps: int, t_range: Range = None) -> TimeGrid:
    """Equal steps from 1 to 0, or over a range and then to 0.

    Examples:
        >>> from audiodiff.diffusion.schedules import VP
        >>> uniform(VP(), 4).tolist()
        [1.0, 0.75, 0.5, 0.25, 0.0]
    """
    first, last = (1.0, 1 / n_steps) if t_range is None else t_range
    times = torch.linspace(first, last, n_steps, dtype=torch.float64)
    return torch.cat([times, times.new_zeros(1)])


def quadratic(schedule: Schedule, n_steps: int, t_range: Range = None) -> TimeGrid:
    """``t_i = 1 - (i / n)^2``: steps that grow from noise to 0, or the same over a range.

    Most calls are made where a sound is decided: at the noise from which it begins.

    Examples:
        >>> from audiodiff.diffusion.schedules import VP
        >>> quadratic(VP(), 4).tolist()
        [1.0, 0.9375, 0.75, 0.4375, 0.0]
    """
    first, last = (1.0, 1 - ((n_steps - 1) / n_steps) ** 2) if t_range is None else t_range
    shares = torch.linspace(0, 1, n_steps, dtype=torch.float64).square()
    times = first + (last - first) * shares
    return torch.cat([times, times.new_zeros(1)])


def uniform_log_snr(schedule: Schedule, n_steps: int, t_range: Range = None) -> TimeGrid:
    """Equal steps in log-SNR from t = 1 to the schedule's t_min, then 0 (arXiv:2206.00927).

    A schedule without any signal at t = 1 has no log-SNR there, so without a range the steps are
    measured from t = 1 - t_min instead; the first time is 1 all the same.
    """
    ends = (1 - schedule.t_min, schedule.t_min) if t_range is None else t_range
    first, last = log_snr(schedule, torch.tensor(ends, dtype=torch.float64)).tolist()
    levels = torch.linspace(first, last, n_steps, dtype=torch.float64)
    times = schedule.t_of_log_snr(levels)
    if t_range is None:
        times[0] = 1
    return torch.cat([times, times.new_zeros(1)])


def karras(schedule: Schedule, n_steps: int, t_range: Range = None) -> TimeGrid:
    """Equal steps of ``(sigma / alpha)^(1 / 7)``, then 0 (EDM, arXiv:2206.00364, eq. 5).

    Without a range they span the same times as those of `uniform_log_snr`.
    """
    ends = (1 - schedule.t_min, schedule.t_min) if t_range is None else t_range
    first, last = (-log_snr(schedule, torch.tensor(ends, dtype=torch.float64)) / 2).tolist()
    first, last = math.exp(first / RHO), math.exp(last / RHO)
    roots = torch.linspace(first, last, n_steps, dtype=torch.float64)
    times = schedule.t_of_log_snr(-2 * RHO * roots.log())
    if t_range is None:
        times[0] = 1
    return torch.cat([times, times.new_zeros(1)])


def from_betas(schedule: Schedule, betas: Sequence[float]) -> TimeGrid:
    """A published fast schedule aligned to the trained one: each step at its own noise level.

    Step n has ``alpha^2 = prod_{i <= n} (1 - beta_i)`` and runs where the trained schedule has the
    same level. No step is ever dropped.

    Raises:
        AudiodiffError: If a level lies outside the trained range, naming the beta.
    """
    fast = torch.tensor(list(betas), dtype=torch.float64)
    alpha_bar = (1 - fast).cumprod(0)
    levels = torch.logit(alpha_bar)
    trained = log_snr(schedule, torch.tensor([schedule.t_min, 1.0], dtype=torch.float64))
    margin = 1e-6
    for n, level in enumerate(levels.tolist()):
        if not trained[1] - margin <= level <= trained[0] + margin:
            raise AudiodiffError(
                f"betas: step {n + 1} (beta={betas[n]}) has a log-SNR of {level:.2f}, outside the "
                f"trained {trained[1]:.2f} to {trained[0]:.2f}; give betas within that range"
            )
    return torch.cat([schedule.t_of_log_snr(levels).flip(0), levels.new_zeros(1)])


PUBLISHED = {
    "diffwave": (1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5),
    "diffwave-large": (1e-4, 1e-3, 0.01, 0.05, 0.2, 0.7),
    "wavegrad": (7e-6, 1.4e-4, 2.1e-3, 2.8e-2, 0.35, 0.7),
    "bddm": (1.3559e-4, 1.0096e-3, 8.77838e-3, 0.13596, 0.27756, 0.28931, 0.30),
}
"""Fast schedules for `from_betas`: DiffWave's (arXiv:2009.09761), the one shared by public
code for WaveGrad (arXiv:2009.00713), and one of BDDM's (arXiv:2203.13508)."""


TIMES: dict[str, Callable[[Schedule, int, Range], TimeGrid]] = {
    "uniform": uniform,
    "quadratic": quadratic,
    "log-snr": uniform_log_snr,
    "karras": karras,
}
"""Every rule that places ``n_steps`` steps on any schedule, by name."""


def check_times(times: Sequence[float]) -> TimeGrid:
    """Turns explicit times into a tensor.

    Examples:
        >>> check_times([0.9, 0.5, 0.0])
        tensor([0.9000, 0.5000, 0.0000], dtype=torch.float64)

    Raises:
        AudiodiffError: Unless they fall strictly from at most 1 to exactly 0.
    """
    # On numbers, not on a tensor, so that a run can be traced.
    falls = all(r < t for t, r in itertools.pairwise(times))
    if len(times) < 2 or times[0] > 1 or times[-1] != 0 or not falls:
        raise AudiodiffError(
            f"times={list(times)}: times fall strictly from at most 1 to exactly 0, e.g. 1, 0.5, 0"
        )
    return torch.tensor(list(times), dtype=torch.float64)

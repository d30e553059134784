"""Dynamic programming over candidate times: the best of all their subsets by a sum of costs."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import State, Times
from audiodiff.diffusion.times import TimeGrid, log_snr
from audiodiff.errors import AudiodiffError
from audiodiff.search.problem import Problem

N_CANDIDATES = 64

Report = Callable[[float], None]
"""Takes the fraction done."""


def likelihood(problem: Problem, n_steps: int, report: Report) -> TimeGrid:
    """The times of the tightest bound on the likelihood (Watson et al. 2021, arXiv:2106.03802).

    A step from t to s costs ``(SNR(s) - SNR(t)) / 2 E||x0 - x0_hat(x_t, t)||^2``, the difference
    of two Gaussians of DDPM (in the form of arXiv:2107.00630, eq. 13). It needs one call of the
    network for each candidate, none for each pair; the sampler plays no part, and it knows
    nothing of how a few steps sound: a proposal.
    """
    times = problem.candidates(N_CANDIDATES)
    _check(n_steps)
    errors = []
    for i, t in enumerate(times[:-1]):
        x0_hat = problem.denoise(problem.diffused(t), problem.batch(t))
        errors.append(problem.error(x0_hat, problem.x0))
        report((i + 1) / N_CANDIDATES)
    # The step to the data costs the same whatever its start: SNR is counted up to the last time.
    snr = log_snr(problem.model.schedule, times[:-1]).exp()
    snr = torch.cat([snr, snr[-1:]])
    cost = (snr[None] - snr[:, None]) * torch.tensor([*errors, 0.0], dtype=torch.float64)[:, None]
    return times[_shortest(cost / 2, n_steps)]


def _shortest(cost: Float[Tensor, "n n"], n_steps: int) -> list[int]:
    """The path of ``n_steps`` edges from the first node to the last of the least total cost.

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


class _Student(NamedTuple):
    """The best run so far that ends at a candidate.

    Attributes:
        error: Between its state and the teacher's there.
        x: Its state.
        memory: Its sampler's state.
        path: Places of its times.
    """

    error: float
    x: State
    memory: Any
    path: tuple[int, ...]


def trajectory(problem: Problem, n_steps: int, report: Report) -> TimeGrid:
    """The times by which the sampler itself keeps nearest to its own run of many steps.

    The teacher is the sampler's run through all candidates. Then ``E[k, j] = min over i < j of
    ||step(z[k - 1, i], t_i -> t_j) - x_j||``, with z the student's own state, as it is after k
    steps (the student-state form of GITS, arXiv:2405.11326, as in Optimal Stepsize,
    arXiv:2503.21774). Errors are in the prior's whitened coordinates. The network is called once
    for each state z, however many steps are tried from it, unless the sampler calls it more than
    once a step.
    """
    _check(n_steps)
    times = problem.candidates(N_CANDIDATES)
    teacher = [problem.start(times[0]), *problem.states(times)]
    students: dict[int, _Student] = {
        0: _Student(0.0, problem.start(times[0]), problem.sampler().init(), (0,))
    }
    last = len(times) - 1
    for k in range(1, n_steps + 1):
        # So many steps remain that as many candidates must be left; the last one ends the run.
        ends = [last] if k == n_steps else range(k, last - (n_steps - k) + 1)
        found: dict[int, _Student] = {}
        for place, (i, student) in enumerate(students.items()):
            denoise = _Remembered(problem)
            for j in (j for j in ends if j > i):
                x, memory = problem.sampler().step(
                    denoise,
                    problem.model.schedule,
                    student.x,
                    problem.batch(times[i]),
                    problem.batch(times[j]),
                    student.memory,
                    problem.draws(),
                )
                error = problem.error(x, teacher[j])
                if j not in found or error < found[j].error:
                    found[j] = _Student(error, x, memory, (*student.path, j))
            report((k - 1 + (place + 1) / len(students)) / n_steps)
        students = found
    return times[list(students[last].path)]


class _Remembered:
    """The denoiser, which is not called again for the state and time of its first call."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.first: tuple[State, float, State] | None = None

    def __call__(self, x_t: State, t: Times) -> State:
        """The estimate."""
        if self.first is not None and self.first[0] is x_t and self.first[1] == t[0].item():
            return self.first[2]
        x0 = self.problem.denoise(x_t, t)
        if self.first is None:
            self.first = (x_t, t[0].item(), x0)
        return x0


def _check(n_steps: int) -> None:
    if not 1 <= n_steps <= N_CANDIDATES:
        raise AudiodiffError(
            f"n_steps={n_steps}: a search among {N_CANDIDATES} times takes 1 to {N_CANDIDATES}"
        )

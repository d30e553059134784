"""Dynamic programming over candidate times: the best of all their subsets by a sum of costs."""

from typing import Any, NamedTuple

from audiodiff._types import State, Step, Times
from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.search.problem import N_CANDIDATES, Problem, Report


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


class Trajectory:
    """The times by which the sampler itself keeps nearest to its own run of many steps.

    The teacher is the sampler's run through all candidates. Then ``E[k, j] = min over i < j of
    ||step(z[k - 1, i], t_i -> t_j) - x_j||``, with z the student's own state, as it is after k
    steps (the student-state form of GITS, arXiv:2405.11326, as in Optimal Stepsize,
    arXiv:2503.21774). Errors are in the prior's whitened coordinates. The network is called once
    for each state z, however many steps are tried from it, unless the sampler calls it more than
    once a step. A run of n steps is found on the way to longer ones.

    Args:
        problem: To be solved.
        most: Steps of the longest run that will be asked for.

    Raises:
        AudiodiffError: If ``most`` is not in 1 to `N_CANDIDATES`.
    """

    def __init__(self, problem: Problem, most: int) -> None:
        _check(most)
        self.problem, self.most = problem, most
        self.times = problem.candidates(N_CANDIDATES)
        self._teacher: list[State] = []
        self._students: dict[int, _Student] = {}
        self._runs: list[tuple[int, ...]] = []  # the best of 1, 2, ... steps

    def __call__(self, n_steps: int, report: Report) -> TimeGrid:
        """The best run of up to ``most`` steps."""
        problem = self.problem
        if not self._teacher:
            first = problem.start(self.times[0])
            self._teacher = [first, *problem.states(self.times)]
            self._students = {0: _Student(0.0, first, problem.sampler().init(), (0,))}
        while len(self._runs) < n_steps:
            self._extend(lambda done: report((len(self._runs) + done) / n_steps))
        return self.times[list(self._runs[n_steps - 1])]

    def _extend(self, report: Report) -> None:
        """From the best runs of so many steps to each candidate to those of one step more."""
        problem, schedule, last = self.problem, self.problem.model.schedule, len(self.times) - 1
        # Runs to other places than the end are only needed to be gone on from.
        longest = len(self._runs) + 1 == self.most
        found: dict[int, _Student] = {}
        for place, (i, student) in enumerate(self._students.items()):
            denoise, now = _Remembered(problem), problem.batch(self.times[i])
            for j in range(last if longest else i + 1, last + 1):
                then = problem.batch(self.times[j])
                step = Step(schedule, now, then, denoise, problem.draws())
                x, memory = problem.sampler().step(student.x, step, student.memory)
                error = problem.error(x, self._teacher[j])
                if j not in found or error < found[j].error:
                    found[j] = _Student(error, x, memory, (*student.path, j))
            report((place + 1) / len(self._students))
        self._runs.append(found.pop(last).path)
        self._students = found


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

"""Dynamic programming over candidate times on the sampler's own states."""

from typing import Any, NamedTuple

from audiodiff._types import State, Step, Times
from audiodiff.diffusion.times import TimeGrid
from audiodiff.search.contract import SearchSetting
from audiodiff.search.problem import N_CANDIDATES, Problem, Report


class _Student(NamedTuple):
    """The best run so far that ends at a candidate.

    Attributes:
        error: Distance between its state and the teacher's there.
        x: Its state.
        memory: State of its sampler.
        path: Indices of its times among the candidates.
    """

    error: float
    x: State
    memory: Any
    path: tuple[int, ...]


class Trajectory:
    """The times with which the sampler stays closest to its own run of many steps.

    The teacher is the sampler's run through all candidates. Then ``E[k, j] = min over i < j of
    ||step(z[k - 1, i], t_i -> t_j) - x_j||``, where z is the student's own state after k steps (the
    student-state form of GITS, arXiv:2405.11326, as in Optimal Stepsize, arXiv:2503.21774). Errors
    are measured in the prior's whitened coordinates. The network is called once for each state z,
    however many steps are tried from it, unless the sampler calls it more than once a step. All
    numbers of steps share the calls: shorter runs are found on the way to longer ones.

    Args:
        setting: What the search may use.
    """

    def __init__(self, setting: SearchSetting) -> None:
        self.problem, self.most = setting.problem, setting.most
        self.times = self.problem.candidates(N_CANDIDATES)
        self._teacher: list[State] = []
        self._students: dict[int, _Student] = {}
        self._runs: list[tuple[int, ...]] = []  # the best of 1, 2, ... steps
        self._calls = 0  # behind all of these

    def __call__(self, start: TimeGrid, report: Report) -> TimeGrid:
        """The best run of as many steps as the start has, at most the setting's ``most``."""
        problem, n_steps = self.problem, len(start) - 1
        problem.calls += self._calls
        before = problem.calls
        if not self._teacher:
            first = problem.start(self.times[0])
            self._teacher = [first, *problem.states(self.times)]
            self._students = {0: _Student(0.0, first, problem.sampler().init(), (0,))}
        while len(self._runs) < n_steps:
            self._extend(lambda done: report((len(self._runs) + done) / n_steps))
        self._calls += problem.calls - before
        return self.times[list(self._runs[n_steps - 1])]

    def _extend(self, report: Report) -> None:
        """Adds one step to the best runs that end at each candidate."""
        problem, schedule, last = self.problem, self.problem.model.schedule, len(self.times) - 1
        # The longest runs go no further, so only the one that ends at the last time matters.
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
    """The denoiser, with its first estimate cached for the same state and time."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.first: tuple[State, float, State] | None = None

    def __call__(self, x_t: State, t: Times) -> State:
        """The estimate of the clean state."""
        if self.first is not None and self.first[0] is x_t and self.first[1] == t[0].item():
            return self.first[2]
        x0 = self.problem.denoise(x_t, t)
        if self.first is None:
            self.first = (x_t, t[0].item(), x0)
        return x0

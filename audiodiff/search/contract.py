"""What a search is, and what it may use."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from audiodiff.diffusion.times import TimeGrid
from audiodiff.samplers.linear_multistep import Coefficients
from audiodiff.search.judge import Judge
from audiodiff.search.problem import Problem, Report


@dataclass(frozen=True)
class SearchSetting:
    """What a search may use.

    Attributes:
        problem: The model, the sampler and the loudest part of each clip to search on.
        listener: Judge of runs on the same clips in full.
        most: Number of steps of the longest run that will be asked for.
        budget: Number of runs to make, or of training steps; the method's default if None.
        seed: Seed of the noise and of the search, 0 or more.
        scratch: Folder for the files from which a killed search resumes. The session deletes those
            named ``.search-METHOD-*`` or ``.search-METHOD.*`` once all times are found.
        key: What the cost of a run depends on besides its times; stored costs with another
            key are stale.
    """

    problem: Problem
    listener: Judge
    most: int
    budget: int | None
    seed: int
    scratch: Path
    key: str

    def budget_or(self, usual: int) -> int:
        """The budget that was asked for, or a method's usual one."""
        return usual if self.budget is None else self.budget


class Solved(NamedTuple):
    """Times found together with the coefficients of the solver that takes them.

    Attributes:
        times: Times of the run.
        coefficients: Weights of the estimates at each step, see `LinearMultistep`.
    """

    times: TimeGrid
    coefficients: Coefficients


@runtime_checkable
class Search(Protocol):
    """A method of finding the times of a run.

    The problem and the listener count its network calls. What several numbers of steps share is
    counted for each of them, also where it was kept from before.
    """

    def __call__(self, start: TimeGrid, report: Report) -> TimeGrid | Solved:
        """What was found for as many steps as the start has.

        Args:
            start: Best times known so far, from which some methods descend.
            report: Receives the fraction done, in (0, 1].
        """

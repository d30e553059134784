"""`audiodiff search`: clips in, the best times into the model's directory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from audiodiff.audio import io
from audiodiff.data.corpus import SPLITS, Corpus, read_corpus
from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.metrics.pairs import Samples
from audiodiff.model.found import Found, load_schedules, save_schedules, weights_digest
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.search.gradient import gradient
from audiodiff.search.grid import grid, refine, spectral_cost
from audiodiff.search.judge import Judge, Worth
from audiodiff.search.learned import forget_training, learned
from audiodiff.search.likelihood import likelihood
from audiodiff.search.memory import Counter, Done, Memory
from audiodiff.search.problem import Cost, Problem, Report
from audiodiff.search.straightness import straightness
from audiodiff.search.trajectory import Trajectory

PROPOSALS = {"straightness": straightness, "likelihood": likelihood}
"""Searches in which the sampler plays no part."""

METHODS = (*PROPOSALS, "trajectory", "gradient", "grid", "learned", "perceptual")
"""Every search by name, the cheapest first."""

N_CLIPS = 16
"""To search on, and as many others to judge on."""

SECONDS = 1.5
"""Of each clip, its loudest, that a search hears; the perceptual one and the judge hear all."""


class Task(NamedTuple):
    """One search.

    Attributes:
        folders: Of recordings.
        sampler: A name that `build_sampler` takes; None for the model's own.
        steps: Numbers of steps to find times for.
        method: A name of `METHODS`.
        split: Of the recordings.
        budget: Runs that `gradient`, `grid` and `perceptual` may make, or steps that `learned` may
            train; None for their own.
        force: Whether worse times may take the place of better ones.
        seed: Of noise and search.
    """

    folders: Sequence[Path]
    sampler: str | None
    steps: Sequence[int]
    method: str
    split: str = "dev"
    budget: int | None = None
    force: bool = False
    seed: int = 0


class Search:
    """A model with the clips that searches hear; the clips that judge are not among them.

    Args:
        directory: The model's.
        task: What to do.
        say: Takes lines for a person.

    Attributes:
        model: The model.
        sampler: The task's, by name.
        judge: Of times, on the clips that no search hears.

    Raises:
        AudiodiffError: If a name is unknown or there are too few clips.
    """

    def __init__(self, directory: Path, task: Task, say: Callable[[str], None]) -> None:
        if task.split not in SPLITS:
            raise AudiodiffError(
                f"split={task.split!r} is unknown; choose from {', '.join(SPLITS)}"
            )
        self.task = task
        self.weights = weights_digest(directory)
        self.model = Model.load(directory)
        own, rate = self.model.config.sampling.sampler, self.model.config.sample_rate
        self.sampler = own if task.sampler is None else task.sampler
        heard, unheard = _clips(read_corpus(task.folders), task.split, rate)
        # Searched and judged as it is going to be run.
        asked = Run(self.sampler, seed=task.seed, precision="auto")
        self._problem = Problem(self.model, asked, _loudest(heard, rate))
        self._trajectory = Trajectory(self._problem, max(task.steps))
        self._listener = Judge(self.model, asked, heard)
        self.judge = Judge(self.model, asked, unheard)
        self._shared: dict[str, int] = {}  # calls until now, by method
        say(f"searching on {len(heard)} clips of {task.split}, judging on {len(unheard)} others")

    def find(
        self, start: TimeGrid, method: str, scratch: Path, report: Report
    ) -> tuple[TimeGrid, int]:
        """Times for as many steps as a run has, and the calls of the network that they rest on.

        Calls that served other numbers of steps before count again.

        Args:
            start: The run, from which some methods set out.
            method: A name of `METHODS`.
            scratch: A folder to keep in what an interrupted search goes on from.
            report: Takes the fraction done.

        Raises:
            AudiodiffError: If the method is unknown.
        """
        self._problem.calls = self._listener.calls = 0
        times = self._by(method, start, scratch, report)
        calls = self._problem.calls + self._listener.calls
        if method in (*PROPOSALS, "trajectory"):
            self._shared[method] = calls = calls + self._shared.get(method, 0)
        return times, calls

    def _by(self, method: str, start: TimeGrid, scratch: Path, report: Report) -> TimeGrid:
        n_steps, problem, task = len(start) - 1, self._problem, self.task
        limit = {} if task.budget is None else {"budget": task.budget}
        if method in PROPOSALS:
            return PROPOSALS[method](problem, n_steps, report)
        if method == "trajectory":
            return self._trajectory(n_steps, report)
        if method == "gradient":
            return gradient(problem, start, report, **limit)
        if method == "learned":
            return learned(problem, n_steps, report, scratch, **limit)
        if method == "grid":
            spectral = spectral_cost(problem)
            with self._remembered(method, n_steps, spectral, problem, scratch) as cost:
                return grid(problem, n_steps, report, cost, **limit)
        if method == "perceptual":
            listen = lambda times: -self._listener(times).pesq_wb  # noqa: E731
            with self._remembered(method, n_steps, listen, self._listener, scratch) as cost:
                return refine(problem, start, report, cost, seed=task.seed, **limit)
        raise AudiodiffError(f"method={method!r} is unknown; choose from {', '.join(METHODS)}")

    @property
    def key(self) -> str:
        """What a cost depends on beside the times."""
        folders = [folder.resolve().name for folder in self.task.folders]
        return repr((self.sampler, folders, self.task.split, self.task.seed, self.weights))

    @contextmanager
    def _remembered(
        self, method: str, n_steps: int, cost: Cost, calls: Counter, scratch: Path
    ) -> Iterator[Memory]:
        """A cost that is known again after a kill, until its search is over."""
        memory = Memory(cost, calls, scratch / f".search-{method}-{n_steps}.jsonl", self.key)
        yield memory
        memory.forget()


@torch.no_grad()
def search(directory: Path, task: Task, say: Callable[[str], None], report: Report) -> None:
    """Finds times, judges them, and writes those that are better than what is there.

    Args:
        directory: The model's.
        task: What to do.
        say: Takes lines for a person.
        report: Takes the fraction done of one number of steps.

    Raises:
        AudiodiffError: As `Search` and its `find` do.
    """
    searching = Search(directory, task, say)
    schedules = load_schedules(directory)
    key = repr((searching.key, task.method, task.budget, task.force))
    done = Done(directory / ".search-done.json", key)
    for n_steps in task.steps:
        if n_steps in done:
            say(f"n_steps={n_steps} was done before the search was interrupted")
            continue
        start = searching.model.times(Run(searching.sampler, n_steps))
        times, calls = searching.find(start, task.method, directory, report)
        worth = searching.judge(times)
        found = Found(
            sampler=searching.sampler,
            times=tuple(times.tolist()),
            method=task.method,
            pesq_wb=worth.pesq_wb,
            mel_mae=worth.mel_mae,
            clips=len(searching.judge.clips),
            data=tuple(folder.resolve().name for folder in task.folders),
            split=task.split,
            calls=calls,
            seed=task.seed,
            weights=searching.weights,
        )
        before = searching.judge(start)  # found earlier, or by the model's rule
        say(_verdict(found, before, calls))
        if worth.pesq_wb > before.pesq_wb or task.force:
            schedules[searching.sampler, n_steps] = found
            save_schedules(directory, schedules)
        done.add(n_steps)
    done.forget()
    forget_training(directory)


def _verdict(found: Found, before: Worth, calls: int) -> str:
    times = ", ".join(f"{t:.4g}" for t in found.times)
    return (
        f"{found.n_steps} steps of {found.sampler} by {found.method}: {times}; PESQ "
        f"{found.pesq_wb:.3f} (before {before.pesq_wb:.3f}), mel error {found.mel_mae:.3f} "
        f"({before.mel_mae:.3f}); {calls} calls of the network"
    )


def _clips(corpus: Corpus, split: str, rate: int) -> tuple[list[Samples], list[Samples]]:
    """Clips to search on and others to judge on, spread over the split.

    Raises:
        AudiodiffError: If there are fewer than two.
    """
    clips = getattr(corpus, split)
    if len(clips) < 2:
        raise AudiodiffError(
            f"split={split!r} has {len(clips)} clips; a search needs two or more, to search on "
            "some and judge on others"
        )
    count = min(2 * N_CLIPS, len(clips))
    chosen = [clips[i * len(clips) // count] for i in range(count)]
    waves = [io.load(clip.path, rate)[0] for clip in chosen]
    return waves[::2], waves[1::2]


def _loudest(clips: Sequence[Samples], rate: int) -> torch.Tensor:
    """The loudest stretch of each, (clips, samples); a shorter one has silence after it."""
    n = round(SECONDS * rate)
    parts = []
    for clip in clips:
        power = np.cumsum(np.concatenate([[0], np.square(clip, dtype=np.float64)]))
        first = int(np.argmax(power[n:] - power[:-n])) if len(clip) > n else 0
        part = clip[first : first + n]
        parts.append(np.pad(part, (0, n - len(part))))
    return torch.from_numpy(np.stack(parts))

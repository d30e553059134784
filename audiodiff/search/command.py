"""`audiodiff search`: clips in, the best times into the model's directory."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from audiodiff.audio import io
from audiodiff.data.corpus import SPLITS, Corpus, read_corpus
from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.metrics._shared import Samples
from audiodiff.model import Model
from audiodiff.search.dynamic import Report, likelihood, trajectory
from audiodiff.search.gradient import gradient
from audiodiff.search.grid import grid, refine, spectral_cost
from audiodiff.search.judge import Judge, Memory, Worth
from audiodiff.search.learned import forget_training, learned
from audiodiff.search.problem import Problem
from audiodiff.search.straightness import straightness
from audiodiff.searched import Found, load_schedules, save_schedules, weights_digest

METHODS = ("straightness", "likelihood", "trajectory", "gradient", "grid", "learned", "perceptual")
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


@torch.no_grad()
def search(directory: Path, task: Task, say: Callable[[str], None], report: Report) -> None:
    """Finds times, judges them, and writes those that are better than what is there.

    Args:
        directory: The model's.
        task: What to do.
        say: Takes lines for a person.
        report: Takes the fraction done of one number of steps.

    Raises:
        AudiodiffError: If a name is unknown or there are too few clips.
    """
    if task.method not in METHODS:
        raise AudiodiffError(f"method={task.method!r} is unknown; choose from {', '.join(METHODS)}")
    if task.split not in SPLITS:
        raise AudiodiffError(f"split={task.split!r} is unknown; choose from {', '.join(SPLITS)}")
    model = Model.load(directory)
    sampler = model.config.sampling.sampler if task.sampler is None else task.sampler
    heard, unheard = _clips(read_corpus(task.folders), task.split, model.config.sample_rate)
    problem = Problem(model, sampler, _loudest(heard, model.config.sample_rate), task.seed)
    judge = Judge(model, sampler, unheard, task.seed)
    say(f"searching on {len(heard)} clips of {task.split}, judging on {len(unheard)} others")
    schedules = load_schedules(directory)
    for n_steps in task.steps:
        problem.calls = judge.calls = 0
        start = model.times(n_steps, sampler)
        listener = Judge(model, sampler, heard, task.seed)
        times = _find(problem, listener, start, n_steps, task, directory, report)
        calls = problem.calls + listener.calls
        worth = judge(times)
        found = Found(
            sampler=sampler,
            times=tuple(times.tolist()),
            method=task.method,
            pesq_wb=worth.pesq_wb,
            mel_mae=worth.mel_mae,
            clips=len(unheard),
            data=tuple(folder.resolve().name for folder in task.folders),
            split=task.split,
            calls=calls,
            seed=task.seed,
            weights=weights_digest(directory),
        )
        before = judge(start)  # found earlier, or by the model's rule
        say(_verdict(found, before, calls))
        if worth.pesq_wb > before.pesq_wb or task.force:
            schedules[sampler, n_steps] = found
            save_schedules(directory, schedules)
    forget_training(directory)


def _find(
    problem: Problem,
    listener: Judge,
    start: TimeGrid,
    n_steps: int,
    task: Task,
    directory: Path,
    report: Report,
) -> TimeGrid:
    """The times by the task's method."""
    plain = {"straightness": straightness, "likelihood": likelihood, "trajectory": trajectory}
    if task.method in plain:
        return plain[task.method](problem, n_steps, report)
    limit = {} if task.budget is None else {"budget": task.budget}
    if task.method == "gradient":
        return gradient(problem, start, report, **limit)
    if task.method == "learned":
        return learned(problem, n_steps, report, directory, **limit)
    cost = spectral_cost(problem)
    if task.method == "perceptual":
        cost = lambda times: -listener(times).pesq_wb  # noqa: E731
    names = [folder.resolve().name for folder in task.folders]
    key = f"{task.method} {problem.sampler_name} {n_steps} {names} {task.split} {task.seed}"
    file = directory / f".search-{task.method}-{n_steps}.jsonl"
    memory = Memory(cost, file, key + weights_digest(directory))
    if task.method == "grid":
        times = grid(problem, n_steps, report, memory, **limit)
    else:
        times = refine(problem, start, report, memory, seed=task.seed, **limit)
    memory.forget()
    return times


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

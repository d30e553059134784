"""`audiodiff search`: clips in, the best times out, beside the model or in the user's folder."""

import glob
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from audiodiff.audio import io
from audiodiff.data.corpus import SPLITS, Corpus, read_corpus
from audiodiff.errors import AudiodiffError
from audiodiff.metrics.pairs import Samples
from audiodiff.model.found import (
    TIMES_NAME,
    Found,
    load_times,
    read_times,
    save_times,
    times_folder,
    weights_digest,
)
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.model.weights import WEIGHTS_NAME, read_config
from audiodiff.search.contract import SearchSetting
from audiodiff.search.judge import Judge, Worth
from audiodiff.search.memory import Done
from audiodiff.search.problem import Problem, Report
from audiodiff.search.registry import build_search
from audiodiff.system.atomic import replacing

N_CLIPS = 16
"""Most clips to search on, and most others to judge on."""

SECONDS = 1.5
"""Length of the loudest part of each clip, which searches hear; judges hear whole clips."""


class Task(NamedTuple):
    """What to search for, and on which clips.

    Attributes:
        folders: Folders of recordings.
        sampler: Name of the sampler; the model's own if None.
        steps: Numbers of sampler steps to find times for.
        method: Name in `SEARCHES`.
        split: Split of the recordings: ``train``, ``dev`` or ``test``.
        budget: Number of runs that `gradient`, `grid` and `perceptual` may make, or of training
            steps of `learned`; the method's default if None.
        force: Whether to store the times found even if those in use are better.
        seed: Seed of the noise and of the search, 0 or more.
    """

    folders: Sequence[Path]
    sampler: str | None
    steps: Sequence[int]
    method: str
    split: str = "dev"
    budget: int | None = None
    force: bool = False
    seed: int = 0


class Session:
    """A model with clips to search on and other clips to judge on.

    Args:
        directory: Directory of the model.
        task: What to search for, and on which clips.
        say: Receives messages, one line each.

    Attributes:
        task: What to search for, and on which clips.
        weights: Digest of the model's weights.
        model: The model.
        sampler: Name of the sampler.
        judge: Judge on the clips that no search hears.

    Raises:
        AudiodiffError: If a name is unknown or there are too few clips.
    """

    def __init__(self, directory: Path, task: Task, say: Callable[[str], None]) -> None:
        if task.split not in SPLITS:
            raise AudiodiffError(
                f"split={task.split!r} is unknown; choose from {', '.join(SPLITS)}"
            )
        self.task = task
        self.model = Model.load(directory)
        self.weights = weights_digest(directory)
        own, rate = self.model.config.sampling.sampler, self.model.config.sample_rate
        self.sampler = own if task.sampler is None else task.sampler
        heard, unheard = _clips(read_corpus(task.folders), task.split, rate)
        # Searched and judged with the precision of later runs.
        asked = Run(self.sampler, seed=task.seed, precision="auto")
        self._problem = Problem(self.model, asked, _loudest(heard, rate))
        self._listener = Judge(self.model, asked, heard)
        self.judge = Judge(self.model, asked, unheard)
        say(f"searching on {len(heard)} clips of {task.split}, judging on {len(unheard)} others")

    @property
    def key(self) -> str:
        """What the cost of a run depends on besides its times."""
        folders = [folder.resolve().name for folder in self.task.folders]
        return repr((self.sampler, folders, self.task.split, self.task.seed, self.weights))

    @property
    def calls(self) -> int:
        """Network calls that searches have made so far, counted once per clip."""
        return self._problem.calls + self._listener.calls

    def setting(self, scratch: Path) -> SearchSetting:
        """What a search may use.

        Args:
            scratch: Folder for the files from which a killed search resumes.
        """
        task = self.task
        return SearchSetting(
            problem=self._problem,
            listener=self._listener,
            most=max(task.steps),
            budget=task.budget,
            seed=task.seed,
            scratch=scratch,
            key=self.key,
        )


@torch.no_grad()
def search(
    directory: Path,
    task: Task,
    say: Callable[[str], None],
    report: Report,
    out: Path | None = None,
) -> Path:
    """Finds times, judges them, and stores those that are better than the times in use.

    Returns the folder of the times: a user's own model directory, or for another model the user's
    data folder.

    Args:
        directory: Directory of the model.
        task: What to search for, and on which clips.
        say: Receives messages, one line each.
        report: Receives the fraction done of the current number of steps.
        out: Folder for a copy of the model, which takes the times instead.

    Raises:
        AudiodiffError: If a name is unknown, there are too few clips, no times can be found, or
            they cannot be stored.
    """
    if out is not None:
        _copy(directory, out)
        directory = out
    session = Session(directory, task, say)
    folder = times_folder(directory) if out is None else out
    find = build_search(task.method, session.setting(folder))
    _check_writable(folder)
    known = read_times(folder / TIMES_NAME, session.weights)
    key = repr((session.key, task.method, task.budget, task.force))
    done = Done(folder / ".search-done.json", key)
    for n_steps in task.steps:
        if n_steps in done:
            say(f"n_steps={n_steps} was done before the search was interrupted")
            continue
        start = session.model.times(Run(session.sampler, n_steps))
        before = session.calls
        times = find(start, report)
        calls = session.calls - before
        worth = session.judge(times)
        found = Found(
            sampler=session.sampler,
            times=tuple(times.tolist()),
            method=task.method,
            pesq_wb=worth.pesq_wb,
            mel_mae=worth.mel_mae,
            clips=len(session.judge.clips),
            data=tuple(folder.resolve().name for folder in task.folders),
            split=task.split,
            calls=calls,
            seed=task.seed,
            weights=session.weights,
        )
        in_use = session.judge(start)  # found earlier, or by the model's rule
        say(_verdict(found, in_use))
        if worth.pesq_wb > in_use.pesq_wb or task.force:
            known[session.sampler, n_steps] = found
            save_times(folder, known)
        done.add(n_steps)
    done.forget()
    _forget(folder, task.method)
    return folder


def _copy(directory: Path, out: Path) -> None:
    """Copies the files of a model that a folder lacks, and the times known for it.

    Raises:
        AudiodiffError: If there is no model, the folder holds another, or it cannot be written.
    """
    read_config(directory)
    if (out / WEIGHTS_NAME).is_file() and weights_digest(out) != weights_digest(directory):
        raise AudiodiffError(f"--out {out} holds another model; give a new or an empty folder")
    for path in directory.iterdir():
        copied = path.is_file() and path.name != TIMES_NAME and not path.name.startswith(".")
        if copied and not (out / path.name).exists():
            with replacing(out / path.name) as temporary:
                shutil.copyfile(path, temporary)
    if not (out / TIMES_NAME).exists() and (known := load_times(directory)):
        save_times(out, known)


def _check_writable(folder: Path) -> None:
    """Creates a folder for times and checks that files can be written there.

    Raises:
        AudiodiffError: If nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise AudiodiffError(
            f"cannot write the times found to {folder} ({error.strerror}); give --out DIR to get a "
            "copy of the model with the times in it"
        ) from error


def _forget(scratch: Path, method: str) -> None:
    """Deletes what a search has kept, once all its times are found."""
    for path in scratch.glob(f".search-{glob.escape(method)}[-.]*"):
        path.unlink()


def _verdict(found: Found, before: Worth) -> str:
    """One line that compares what was found with the times in use."""
    times = ", ".join(f"{t:.4g}" for t in found.times)
    return (
        f"{found.n_steps} steps of {found.sampler} by {found.method}: {times}; PESQ "
        f"{found.pesq_wb:.3f} (before {before.pesq_wb:.3f}), mel error {found.mel_mae:.3f} "
        f"({before.mel_mae:.3f}); {found.calls} calls of the network"
    )


def _clips(corpus: Corpus, split: str, rate: int) -> tuple[list[Samples], list[Samples]]:
    """Clips to search on and others to judge on, spread evenly over the split.

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
    """The loudest part of each clip, (clips, samples); shorter clips are padded with silence."""
    n = round(SECONDS * rate)
    parts = []
    for clip in clips:
        power = np.cumsum(np.concatenate([[0], np.square(clip, dtype=np.float64)]))
        first = int(np.argmax(power[n:] - power[:-n])) if len(clip) > n else 0
        part = clip[first : first + n]
        parts.append(np.pad(part, (0, n - len(part))))
    return torch.from_numpy(np.stack(parts))

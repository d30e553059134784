"""`audiodiff search`: clips in, the best times out, beside the model or in the user's folder."""

import glob
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from audiodiff.errors import AudiodiffError
from audiodiff.model.found import (
    TIMES_NAME,
    Found,
    load_times,
    read_times,
    save_times,
    steps_in_words,
    times_folder,
    weights_digest,
)
from audiodiff.model.run import Run
from audiodiff.model.weights import WEIGHTS_NAME, read_config
from audiodiff.samplers.linear_multistep import LinearMultistep
from audiodiff.search.contract import Search, Solved
from audiodiff.search.judge import Worth
from audiodiff.search.memory import Done
from audiodiff.search.problem import Report
from audiodiff.search.registry import build_search
from audiodiff.search.session import Session, Task
from audiodiff.system.atomic import replacing
from audiodiff.system.folders import listed_name
from audiodiff.system.locks import claimed

LOCK_NAME = ".search.lock"


class Outcome(NamedTuple):
    """What became of the times found for one number of steps.

    Attributes:
        found: The times, with their scores.
        gain: Their score less that of the times in use before.
        refusal: Why they were not kept; empty if they were.
    """

    found: Found
    gain: float
    refusal: str

    def sentence(self, folder: Path) -> str:
        """The outcome as a line for people.

        Args:
            folder: Folder of the times.
        """
        better = "better" if self.gain > 0 else "worse"
        compared = f"{abs(self.gain):.3f} {better} than the" if self.gain else "as good as the"
        said = f"{self.found.score_in_words}, {compared} times in use before"
        steps = f"{steps_in_words(self.found.n_steps)} of {self.found.sampler}"
        if self.refusal:
            return f"{steps} not kept: {said}; {self.refusal} (--force keeps them)"
        return f"{steps} kept in {folder / TIMES_NAME}: {said}"


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
        say: Receives messages, one line each; the last say what became of the times.
        report: Receives the fraction done of the current number of steps.
        out: Folder for a copy of the model, which takes the times instead.

    Raises:
        AudiodiffError: If a name is unknown, there are too few clips, no times can be found, or
            they cannot be stored.
    """
    read_config(directory)  # a wrong name makes no folder
    folder = times_folder(directory) if out is None else out
    busy = f"another search stores its times in {folder}; wait until it ends, or give --out DIR"
    remedy = "give --out DIR to get a copy of the model with the times in it"
    with claimed(folder, LOCK_NAME, busy, remedy):
        if out is not None:
            _copy(directory, out)
            directory = out
        session = Session(directory, task, say)
        find = build_search(task.method, session.setting(folder))
        key = repr((session.key, task.method, task.budget, task.force))
        done = Done(folder / ".search-done.json", key)
        outcomes = []
        for n_steps in task.steps:
            if n_steps in done:
                say(f"n_steps={n_steps} was done before the search was interrupted")
                continue
            outcomes.append(_outcome(session, find, n_steps, say, report))
            if not outcomes[-1].refusal:
                _keep(folder, outcomes[-1].found)
            done.add(n_steps)
        for outcome in outcomes:
            say(outcome.sentence(folder))
        done.forget()
        _forget(folder, task.method)
    return folder


def _outcome(
    session: Session, find: Search, n_steps: int, say: Callable[[str], None], report: Report
) -> Outcome:
    """Finds times for one number of steps, and compares them with the times in use."""
    task, before = session.task, session.calls
    run, judge = Run(session.sampler, n_steps), session.judge
    start = session.model.times(run)  # found earlier, or by the rule
    made = find(start, report)
    times, coefficients = made if isinstance(made, Solved) else (made, None)
    calls = session.calls - before
    in_use = judge.by(session.model.solver(run))(start)
    worth = judge(times) if coefficients is None else judge.by(LinearMultistep(coefficients))(times)
    found = Found(
        sampler=session.sampler,
        times=tuple(times.tolist()),
        coefficients=coefficients,
        method=task.method,
        pesq_wb=worth.pesq_wb,
        mel_mae=worth.mel_mae,
        estoi=worth.estoi,
        clips=len(session.judge.clips),
        data=tuple(listed_name(folder.resolve().name) for folder in task.folders),
        split=task.split,
        calls=calls,
        seed=task.seed,
        weights=session.weights,
    )
    say(_verdict(found, in_use))
    gain = worth.score - in_use.score
    no_gain = "" if gain > 0 or task.force else "only better times are kept"
    return Outcome(found, gain, session.too_few or no_gain)


def _keep(folder: Path, found: Found) -> None:
    known = read_times(folder / TIMES_NAME, found.weights)
    known[found.sampler, found.n_steps] = found
    save_times(folder, known)


def _copy(directory: Path, out: Path) -> None:
    """Copies the files of a model that a folder lacks, and the times known for it.

    Raises:
        AudiodiffError: If the folder holds another model or cannot be written.
    """
    if (out / WEIGHTS_NAME).is_file() and weights_digest(out) != weights_digest(directory):
        raise AudiodiffError(f"--out {out} holds another model; give a new or an empty folder")
    for path in directory.iterdir():
        copied = path.is_file() and path.name != TIMES_NAME and not path.name.startswith(".")
        if copied and not (out / path.name).exists():
            with replacing(out / path.name) as temporary:
                shutil.copyfile(path, temporary)
    if not (out / TIMES_NAME).exists() and (known := load_times(directory)):
        save_times(out, known)


def _forget(scratch: Path, method: str) -> None:
    """Deletes what a search has kept, once all its times are found."""
    for path in scratch.glob(f".search-{glob.escape(method)}[-.]*"):
        path.unlink()


def _verdict(found: Found, before: Worth) -> str:
    """One line that compares what was found with the times in use."""
    times = ", ".join(f"{t:.4g}" for t in found.times)
    return (
        f"{steps_in_words(found.n_steps)} of {found.sampler} by {found.method}: {times}; "
        f"{found.score_in_words} (before {before.score:.3f}), mel error {found.mel_mae:.3f} "
        f"({before.mel_mae:.3f}); "
        f"{found.calls} calls of the network"
    )

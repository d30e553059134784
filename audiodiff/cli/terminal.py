"""What the commands print: the console, progress bars, outcomes, and missing extras."""

import importlib.util
import io
import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from audiodiff.config import MAX_STEPS
from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import Outcome

if TYPE_CHECKING:
    from audiodiff.model.model import Model
    from audiodiff.model.run import Run
    from audiodiff.provenance.record import Record

# Messages hold file names, in which [red] and :cat: are plain characters, not markup.
console = Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)


def results() -> Console:
    """A console for results, on standard output, in which names are not markup."""
    return Console(markup=False, emoji=False, highlight=False)


def escape_unprintable() -> None:
    """Makes standard output and error escape what their encoding cannot hold, instead of failing.

    Names of files can hold any character, and bytes that are no character at all.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def progress_bar() -> Progress:
    """A bar with the time left and each task's ``note``; hidden unless in a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def require(task: str, extra: str, *modules: str) -> None:
    """Refuses a command whose extra is not installed.

    Raises:
        AudiodiffError: Naming the modules and the extra.
    """
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise AudiodiffError(
            f'{task} needs {", ".join(missing)}; pip install "audiodiff-vocoder[{extra}]"'
        )


def report_outcome(outcome: Outcome, note: str, n_others: int = 0) -> None:
    """Prints what became of the files, and exits if any failed or none is as it was asked for.

    Args:
        outcome: The outcome.
        note: What else there is to say; empty if there is nothing.
        n_others: Number of skipped files that a run with other settings made.

    Raises:
        typer.Exit: With 1 if some files failed, 2 if none worked.
    """
    parts = [f"{len(outcome.done)} written"]
    if outcome.skipped:
        parts.append(f"{len(outcome.skipped)} there already (--overwrite makes them again)")
    if outcome.failed:
        parts.append(f"{len(outcome.failed)} failed")
    console.print(", ".join(parts) + (f"; {note}" if note else ""))
    for source, reason in outcome.failed:
        named = reason if reason.startswith(str(source)) else f"{source}: {reason}"
        console.print(f"failed: {named}")
    any_well = bool(outcome.done) or len(outcome.skipped) > n_others
    if n_others and not any_well:
        console.print(
            "error: nothing was made as asked, since other settings made what is there; give "
            "--overwrite or another --out"
        )
    exit_status(any_well, not any_well or bool(outcome.failed))


def remark_on_skipped(records: "Mapping[Path, Record]", found: Collection[str] = ()) -> int:
    """Warns of skipped results that another run made than the one whose record each would have.

    Args:
        records: The record that each would have.
        found: Names of settings that are not compared, as the input tells them.

    Returns:
        Their number.
    """
    from audiodiff.provenance.compare import remark_on

    remark = remark_on(records, found)
    if remark is None:
        return 0
    console.print(f"warning: {remark.sentence}; --overwrite makes them again")
    return remark.n


def exit_status(any_well: bool, any_failed: bool) -> None:
    """Ends the command if anything failed.

    Raises:
        typer.Exit: With 1 if something failed, 2 if nothing worked.
    """
    if any_failed:
        raise typer.Exit(1 if any_well else 2)


def step_counts(text: str) -> list[int]:
    """Step counts from ``1,2,4``.

    Raises:
        AudiodiffError: If the text is no list of positive integers, or one is too large.
    """
    parts = text.split(",")
    fit = all(re.fullmatch(r"[1-9]\d{0,8}", part) and int(part) <= MAX_STEPS for part in parts)
    if not fit:
        raise AudiodiffError(
            f"--steps {text!r:.80} is no list of step counts up to {MAX_STEPS}; give e.g. 1,2,4"
        )
    return [int(part) for part in parts]


def run_in_words(model: "Model", run: "Run") -> str:
    """One line that names a run's sampler, its times and their origin."""
    name = model.config.sampling.sampler if run.sampler is None else run.sampler
    times = model.times(run)
    found = model.found(run)
    if found is not None:
        origin = f"found by {found.method}, {found.score_in_words} on {found.clips} clips"
    elif run.n_steps in (None, model.n_steps):
        origin = "the model's own"
    else:
        origin = f"by the rule {model.config.sampling.rule!r}"
    count = len(times) - 1
    return (
        f"{count} step{'' if count == 1 else 's'} of {name} at "
        f"{' '.join(f'{t:.4g}' for t in times.tolist())} ({origin})"
    )

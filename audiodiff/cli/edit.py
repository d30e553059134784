"""`audiodiff edit`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiodiff.cli.display import Display
from audiodiff.cli.options import (
    A_MODEL,
    Device,
    Inputs,
    MaxHours,
    Out,
    Overwrite,
    Precision,
    Seed,
    Steps,
    Threads,
    finite,
)
from audiodiff.cli.terminal import console, progress_bar, report_outcome
from audiodiff.config import MAX_HOURS
from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import Job, find_jobs, one_by_one, run_jobs

if TYPE_CHECKING:
    from audiodiff.pipelines.edited import Filled, OnGaps
    from audiodiff.pipelines.editor import Editor

edit = typer.Typer(
    no_args_is_help=True, help="Edit recordings: all that was recorded stays as it is."
)

EditModel = Annotated[str, typer.Option("--model", help=f"Model: {A_MODEL}.")]
SPEECH = "speech-edit"


@edit.command()
def inpaint(
    inputs: Inputs,
    out: Out = Path("edited"),
    gap: Annotated[
        list[str] | None,
        typer.Option(help="Start and end of a gap in seconds, e.g. 1.20-1.32; may be repeated."),
    ] = None,
    gaps: Annotated[
        Path | None,
        typer.Option(
            help="File of gaps: a line for each, with its start and its end in seconds, as "
            "Audacity exports labels."
        ),
    ] = None,
    detect: Annotated[
        bool,
        typer.Option("--detect", help="Fill dropouts: runs of zeros that cut into the sound."),
    ] = False,
    model: EditModel = SPEECH,
    steps: Steps = None,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: Precision = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    max_hours: MaxHours = MAX_HOURS,
) -> None:
    """Fill gaps in recordings.

    The results are wav files of the same rate, channels and depth, equal to the recordings outside
    the gaps.
    """
    if (gap is not None) + (gaps is not None) + detect != 1:
        raise AudiodiffError("give the gaps by --gap, or by --gaps FILE, or let --detect find them")
    from audiodiff.pipelines.edited import EditSettings, inpaint_file
    from audiodiff.pipelines.gaps import gap_from_text, gaps_from_file

    jobs = _jobs(inputs, out)
    if len(jobs) > 1 and not detect:
        raise AudiodiffError(
            f"{len(jobs)} recordings are given and gaps for one; edit them one by one, or use "
            "--detect"
        )
    asked = None if gap is None else [gap_from_text(text) for text in gap]
    if gaps is not None:
        asked = gaps_from_file(gaps)
    settings = EditSettings(n_steps=steps, seed=seed, max_hours=max_hours)

    def work(editor: "Editor", job: Job, on_gaps: "OnGaps") -> "Filled":
        return inpaint_file(editor, job, asked, settings, on_gaps)

    _edit(jobs, work, (model, device, precision), threads, overwrite=overwrite)


@edit.command("continue")
def continue_(
    inputs: Inputs,
    out: Out = Path("edited"),
    seconds: Annotated[
        float,
        typer.Option(help="Length in seconds of what is added.", min=0.01, max=30, callback=finite),
    ] = 1.0,
    model: EditModel = SPEECH,
    steps: Steps = None,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: Precision = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    max_hours: MaxHours = MAX_HOURS,
) -> None:
    """Let recordings go on after their end.

    The results are wav files of the same rate, channels and depth, which begin with the recordings.
    """
    from audiodiff.pipelines.edited import EditSettings, continue_file

    jobs = _jobs(inputs, out)
    settings = EditSettings(n_steps=steps, seed=seed, max_hours=max_hours)

    def work(editor: "Editor", job: Job, on_gaps: "OnGaps") -> "Filled":
        return continue_file(editor, job, seconds, settings, on_gaps)

    _edit(jobs, work, (model, device, precision), threads, overwrite=overwrite)


def _jobs(inputs: list[Path], out: Path) -> list[Job]:
    from audiodiff.audio.io import AUDIO_SUFFIXES

    return find_jobs(inputs, out, AUDIO_SUFFIXES, ".wav")


def _edit(
    jobs: list[Job],
    work: "Callable[[Editor, Job, OnGaps], Filled]",
    loading: tuple[str, str, str],
    threads: int | None,
    *,
    overwrite: bool,
) -> None:
    """Edits the files that are not there yet, shows progress, and reports the outcome."""
    from audiodiff.pipelines.editor import Editor
    from audiodiff.system.threads import computing, n_threads

    editor = Editor.from_pretrained(*loading)
    with progress_bar() as progress, computing(n_threads(threads)):
        display = Display(progress, len(jobs), "editing")

        def on_job(job: Job, made: "Filled | None") -> None:
            if made is not None and made.remark:
                console.print(made.remark)
            display.on_file()

        def on_gaps(job: Job, n_done: int, n_gaps: int) -> None:
            display.on_part(job, n_done, n_gaps, "gaps")

        spread = one_by_one(lambda job: work(editor, job, on_gaps))
        outcome = run_jobs(jobs, spread, overwrite=overwrite, on_job=on_job)
    report_outcome(outcome, "")

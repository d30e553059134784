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
    NoProvenance,
    Out,
    Overwrite,
    Precision,
    Seed,
    Steps,
    Threads,
    finite,
)
from audiodiff.cli.terminal import console, progress_bar, report_outcome
from audiodiff.config import MAX_COUNT, MAX_HOURS
from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import Job, find_jobs, one_by_one, run_jobs

if TYPE_CHECKING:
    from audiodiff.pipelines.edited import OnParts

    Work = Callable[[Job, OnParts], str | None]
    """Edits one file, and returns a sentence about it."""

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
    channel: Annotated[
        int | None,
        typer.Option(
            help="The only channel whose gaps are filled, counted from 1; all if not given.",
            min=1,
            max=MAX_COUNT,
        ),
    ] = None,
    model: EditModel = SPEECH,
    steps: Steps = None,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: Precision = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    no_provenance: NoProvenance = False,
    max_hours: MaxHours = MAX_HOURS,
) -> None:
    """Fill gaps in recordings.

    The results are wav files of the same rate, channels and depth, equal to the recordings outside
    the gaps.
    """
    if (gap is not None) + (gaps is not None) + detect != 1:
        raise AudiodiffError("give the gaps by --gap, or by --gaps FILE, or let --detect find them")
    from audiodiff.pipelines.edited import EditSettings, inpaint_file
    from audiodiff.pipelines.editor import Editor
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
    settings = EditSettings(
        n_steps=steps,
        seed=seed,
        max_hours=max_hours,
        model=model,
        provenance=not no_provenance,
        channel=channel,
    )

    def load() -> "Work":
        editor = Editor.from_pretrained(model, device, precision)
        return lambda job, on_parts: inpaint_file(editor, job, asked, settings, on_parts)

    _edit(jobs, load, "gaps", threads, overwrite=overwrite)


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
    no_provenance: NoProvenance = False,
    max_hours: MaxHours = MAX_HOURS,
) -> None:
    """Let recordings go on after their end.

    The results are wav files of the same rate, channels and depth, which begin with the recordings.
    """
    from audiodiff.pipelines.edited import EditSettings, continue_file
    from audiodiff.pipelines.editor import Editor

    settings = EditSettings(
        n_steps=steps,
        seed=seed,
        max_hours=max_hours,
        model=model,
        provenance=not no_provenance,
    )

    def load() -> "Work":
        editor = Editor.from_pretrained(model, device, precision)
        return lambda job, on_parts: continue_file(editor, job, seconds, settings, on_parts)

    _edit(_jobs(inputs, out), load, "gaps", threads, overwrite=overwrite)


@edit.command()
def upsample(
    inputs: Inputs,
    out: Out = Path("edited"),
    model: EditModel = SPEECH,
    steps: Steps = None,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: Precision = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    no_provenance: NoProvenance = False,
    max_hours: MaxHours = MAX_HOURS,
) -> None:
    """Make narrow recordings, such as those of 8 kHz, wide.

    The end of each recording's spectrum is found, what lies above it is made, and what lies below
    it stays. The results are wav files of 24 bits at the model's rate.
    """
    from audiodiff.pipelines.edited import EditSettings, upsample_file
    from audiodiff.pipelines.upsampler import Upsampler

    settings = EditSettings(
        n_steps=steps,
        seed=seed,
        max_hours=max_hours,
        model=model,
        provenance=not no_provenance,
    )

    def load() -> "Work":
        upsampler = Upsampler.from_pretrained(model, device, precision)
        return lambda job, on_parts: upsample_file(upsampler, job, settings, on_parts)

    _edit(_jobs(inputs, out), load, "seconds", threads, overwrite=overwrite)


def _jobs(inputs: list[Path], out: Path) -> list[Job]:
    from audiodiff.audio.io import AUDIO_SUFFIXES

    return find_jobs(inputs, out, AUDIO_SUFFIXES, ".wav")


def _edit(
    jobs: list[Job],
    load: "Callable[[], Work]",
    parts: str,
    threads: int | None,
    *,
    overwrite: bool,
) -> None:
    """Edits the files that are not there yet, shows progress, and reports the outcome."""
    from audiodiff.system.threads import computing, n_threads

    work = load()
    with progress_bar() as progress, computing(n_threads(threads)):
        display = Display(progress, len(jobs), "editing")

        def on_job(job: Job, remark: str | None) -> None:
            if remark is not None:
                console.print(remark)
            display.on_file()

        def on_parts(job: Job, n_done: int, n_parts: int) -> None:
            display.on_part(job, n_done, n_parts, parts)

        spread = one_by_one(lambda job: work(job, on_parts))
        outcome = run_jobs(jobs, spread, overwrite=overwrite, on_job=on_job)
    report_outcome(outcome, "")

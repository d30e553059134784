"""What the commands of `audiodiff edit` share: options, and how files are edited."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiodiff.cli.display import Display
from audiodiff.cli.options import A_MODEL, finite
from audiodiff.cli.terminal import console, progress_bar, report_outcome
from audiodiff.system.jobs import Job, find_jobs, one_by_one, run_jobs

if TYPE_CHECKING:
    from audiodiff.pipelines.edit_settings import EditSettings, OnParts

    Work = Callable[[Job, OnParts], str | None]
    """Edits one file, and returns a sentence about it."""

EditModel = Annotated[str, typer.Option("--model", help=f"Model: {A_MODEL}.")]
SPEECH = "speech-edit"

Strength = Annotated[
    float,
    typer.Option(
        help="How much changes: near 0 little, at 1 nothing of the recording remains.",
        min=0.01,
        max=1,
        callback=finite,
    ),
]


def settings_of(
    model: str, steps: int | None, seed: int, max_hours: float, *, no_provenance: bool
) -> "EditSettings":
    """The settings by which files are edited, from the options."""
    from audiodiff.pipelines.edit_settings import EditSettings

    return EditSettings(
        n_steps=steps, seed=seed, max_hours=max_hours, model=model, provenance=not no_provenance
    )


def jobs_of(inputs: list[Path], out: Path) -> list[Job]:
    """The recordings and their results."""
    from audiodiff.audio.io import AUDIO_SUFFIXES

    return find_jobs(inputs, out, AUDIO_SUFFIXES, ".wav")


def edit_files(
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

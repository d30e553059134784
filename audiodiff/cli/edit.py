"""`audiodiff edit`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiodiff.cli.edit_files import (
    SPEECH,
    EditModel,
    Strength,
    edit_files,
    jobs_of,
    settings_of,
)
from audiodiff.cli.edit_whole import denoise, style, upsample
from audiodiff.cli.options import (
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
from audiodiff.config import MAX_COUNT, MAX_HOURS
from audiodiff.errors import AudiodiffError

if TYPE_CHECKING:
    from audiodiff.cli.edit_files import Work

edit = typer.Typer(
    no_args_is_help=True,
    help="Edit recordings: fill gaps, add what is missing, take noise away, vary.",
)


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
    from audiodiff.pipelines.edited import inpaint_file
    from audiodiff.pipelines.editor import Editor
    from audiodiff.pipelines.gaps import gap_from_text, gaps_from_file

    jobs = jobs_of(inputs, out)
    if len(jobs) > 1 and not detect:
        raise AudiodiffError(
            f"{len(jobs)} recordings are given and gaps for one; edit them one by one, or use "
            "--detect"
        )
    asked = None if gap is None else [gap_from_text(text) for text in gap]
    if gaps is not None:
        asked = gaps_from_file(gaps)
    settings = settings_of(model, steps, seed, max_hours, no_provenance=no_provenance)

    def load() -> "Work":
        editor = Editor.from_pretrained(model, device, precision)
        return lambda job, on_parts: inpaint_file(editor, job, asked, settings, on_parts, channel)

    edit_files(jobs, load, "gaps", threads, overwrite=overwrite)


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
    from audiodiff.pipelines.edited import continue_file
    from audiodiff.pipelines.editor import Editor

    settings = settings_of(model, steps, seed, max_hours, no_provenance=no_provenance)

    def load() -> "Work":
        editor = Editor.from_pretrained(model, device, precision)
        return lambda job, on_parts: continue_file(editor, job, seconds, settings, on_parts)

    edit_files(jobs_of(inputs, out), load, "gaps", threads, overwrite=overwrite)


@edit.command()
def vary(
    inputs: Inputs,
    out: Out = Path("edited"),
    strength: Strength = 0.1,
    interval: Annotated[
        str | None,
        typer.Option(
            help="Start and end in seconds of the only part that changes, e.g. 1.20-1.80; all of "
            "the recording if not given."
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
    """Make another take of recordings, more or less like them.

    The results are wav files of the same rate, channels and depth. With --interval they are equal
    to the recordings outside it.
    """
    from audiodiff.pipelines.edited import vary_part_of_file
    from audiodiff.pipelines.edited_whole import vary_file
    from audiodiff.pipelines.editor import Editor
    from audiodiff.pipelines.gaps import gap_from_text

    jobs = jobs_of(inputs, out)
    if len(jobs) > 1 and interval is not None:
        raise AudiodiffError(
            f"{len(jobs)} recordings are given and an interval for one; edit them one by one"
        )
    part = None if interval is None else gap_from_text(interval)
    settings = settings_of(model, steps, seed, max_hours, no_provenance=no_provenance)

    def load() -> "Work":
        editor = Editor.from_pretrained(model, device, precision)
        if part is None:
            return lambda job, on_parts: vary_file(editor, job, strength, settings, on_parts)
        return lambda job, on_parts: vary_part_of_file(
            editor, job, part, strength, settings, on_parts
        )

    edit_files(jobs, load, "seconds" if part is None else "parts", threads, overwrite=overwrite)


edit.command()(style)
edit.command()(upsample)
edit.command()(denoise)

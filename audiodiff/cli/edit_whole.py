"""The commands of `audiodiff edit` that make a whole recording anew."""

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
)
from audiodiff.config import MAX_HOURS

if TYPE_CHECKING:
    from audiodiff.cli.edit_files import Work


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
    from audiodiff.pipelines.edited_whole import upsample_file
    from audiodiff.pipelines.upsampler import Upsampler

    settings = settings_of(model, steps, seed, max_hours, no_provenance=no_provenance)

    def load() -> "Work":
        upsampler = Upsampler.from_pretrained(model, device, precision)
        return lambda job, on_parts: upsample_file(upsampler, job, settings, on_parts)

    edit_files(jobs_of(inputs, out), load, "seconds", threads, overwrite=overwrite)


def style(
    inputs: Inputs,
    like: Annotated[
        Path, typer.Option(help="Recording whose style the results take.", show_default=False)
    ],
    out: Out = Path("edited"),
    strength: Strength = 0.1,
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
    """Give recordings the style of another: its long-term spectrum and dynamics.

    The results are wav files of the same rate, channels and depth.
    """
    from audiodiff.pipelines.edited_whole import style_file, style_of_file
    from audiodiff.pipelines.editor import Editor

    settings = settings_of(model, steps, seed, max_hours, no_provenance=no_provenance)

    def load() -> "Work":
        editor = Editor.from_pretrained(model, device, precision)
        wanted = style_of_file(editor, like, settings)
        return lambda job, on_parts: style_file(editor, job, wanted, strength, settings, on_parts)

    edit_files(jobs_of(inputs, out), load, "seconds", threads, overwrite=overwrite)


def denoise(
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
    """Take steady noise, such as hiss and hum, from recordings.

    The noise is that of the softest frames. The results are wav files of the same rate, channels
    and depth.
    """
    from audiodiff.pipelines.edited_whole import denoise_file
    from audiodiff.pipelines.editor import Editor

    settings = settings_of(model, steps, seed, max_hours, no_provenance=no_provenance)

    def load() -> "Work":
        editor = Editor.from_pretrained(model, device, precision)
        return lambda job, on_parts: denoise_file(editor, job, settings, on_parts)

    edit_files(jobs_of(inputs, out), load, "seconds", threads, overwrite=overwrite)

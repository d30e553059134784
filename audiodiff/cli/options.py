"""Arguments and options that commands share, so that each has one name and one wording."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiodiff.config import MAX_RATE, MAX_SEED, MAX_STEPS

if TYPE_CHECKING:
    Context = typer.Context
else:
    # What typer gives a command is of the class that its own stands for.
    Context = typer.Context.__base__

A_MODEL = "a directory, a Hugging Face Hub id (owner/name) or the name of a model in this package"
"""Forms in which every option for a model takes it."""


def finite(value: float | None) -> float | None:
    """Refuses ``inf``, and ``nan``, which passes any bounds; the callback of an option.

    Raises:
        typer.BadParameter: If the number is not finite.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not finite; give a number.")
    return value


def needs_watermark(wanted: bool) -> bool:
    """Refuses a watermark that cannot be made here, before any work; the callback of an option.

    Raises:
        AudiodiffError: If its library is not installed.
    """
    if wanted:
        from audiodiff.provenance.watermark import check_installed

        check_installed()
    return wanted


def checks_signer(no_provenance: bool) -> bool:
    """Refuses a certificate that cannot sign, before any work; the callback of an option.

    Raises:
        AudiodiffError: If the environment names one, and a record is to be stored.
    """
    if not no_provenance:
        from audiodiff.provenance.signing import check_signer

        check_signer()
    return no_provenance


_INPUTS = typer.Argument(
    metavar="INPUT",
    help="Input files or folders; the results keep the tree of a folder.",
    show_default=False,
)
_OUT = typer.Option("--out", "-o", help="Folder for the results.")

Inputs = Annotated[list[Path], _INPUTS]
InputsOrNone = Annotated[list[Path] | None, _INPUTS]

Out = Annotated[Path, _OUT]
OutOrNone = Annotated[Path | None, _OUT]

Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Overwrite results that exist already.")
]

NoProvenance = Annotated[
    bool,
    typer.Option(
        "--no-provenance",
        help="Store nothing in the results about the run that made them.",
        callback=checks_signer,
    ),
]

Watermark = Annotated[
    bool,
    typer.Option(
        "--watermark",
        help="Mark the sound itself as synthetic, at a small cost in quality; needs the extra "
        "provenance.",
        callback=needs_watermark,
    ),
]

Workers = Annotated[
    int,
    typer.Option(
        help="Number of processes that share the files; more than 1 pays for many short files.",
        min=1,
    ),
]

Threads = Annotated[
    int | None,
    typer.Option(
        help="Number of CPU threads; one for each core that this process may use if not given.",
        min=1,
    ),
]

ModelName = Annotated[
    str, typer.Argument(metavar="MODEL", help=f"Model: {A_MODEL}.", show_default=False)
]
ModelOption = Annotated[str, typer.Option(help=f"Model: {A_MODEL}.")]

Steps = Annotated[
    int | None,
    typer.Option(
        help="Number of sampler steps; the model's default if not given.", min=1, max=MAX_STEPS
    ),
]

Sampler = Annotated[
    str | None,
    typer.Option(
        help="Sampler, e.g. ddim, dpm++2m, unipc2 or heun; the model's default if not given."
    ),
]

Seed = Annotated[
    int,
    typer.Option(
        help="Seed of all random numbers; the same seed repeats a result.", min=0, max=MAX_SEED
    ),
]

Device = Annotated[str, typer.Option(help="Device that the model runs on, e.g. cpu or cuda.")]

Precision = Annotated[
    str,
    typer.Option(
        help="Precision of the network: fp32, bf16, or auto, which is bf16 where the device "
        "has instructions for it."
    ),
]

Compile = Annotated[
    bool,
    typer.Option("--compile", help="Compile the network first; pays off for hours of sound."),
]

Preset = Annotated[
    str | None,
    typer.Option(
        help="Preset of the mels in the files, e.g. hifigan; the model's own if not given."
    ),
]

Transpose = Annotated[bool, typer.Option("--transpose", help="Read mel files as (frames, n_mels).")]

Rate = Annotated[
    int | None,
    typer.Option(
        help="Sample rate of the results in Hz; the model's own if not given.", min=1, max=MAX_RATE
    ),
]

MaxHours = Annotated[
    float,
    typer.Option(
        help="Longest sound to read, in hours. A mel may take 1 GiB for six hours, and more or "
        "less in proportion.",
        min=0.01,
        max=240,
        callback=finite,
    ),
]

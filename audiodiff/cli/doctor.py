"""`audiodiff doctor`."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli.options import A_MODEL, MaxHours, Transpose
from audiodiff.config import MAX_HOURS
from audiodiff.errors import AudiodiffError


def doctor(
    mel: Annotated[
        Path,
        typer.Argument(
            metavar="MEL", help="Mel to examine (.npy .npz .pt .safetensors).", show_default=False
        ),
    ],
    model: Annotated[
        str | None, typer.Option(help=f"Model that should take the mel: {A_MODEL}.")
    ] = None,
    transpose: Transpose = False,
    max_hours: MaxHours = MAX_HOURS,
) -> None:
    """Say what a mel probably is, and what to do with it.

    The exit status is 1 if the mel is damaged or does not fit the model.
    """
    from audiodiff.audio.reader import OR_ALLOW
    from audiodiff.mel.doctor import advise, examine
    from audiodiff.mel.files import IN_PARTS, bytes_of, load_mel
    from audiodiff.model.config import ModelConfig
    from audiodiff.model.hub import model_directory
    from audiodiff.model.weights import read_config

    most = bytes_of(max_hours)
    examination = examine(load_mel(mel, transpose, most, IN_PARTS + OR_ALLOW))
    print(f"{mel}: {examination.facts}")
    for name, evidence in zip(examination.likely, examination.evidence, strict=True):
        print(f"may be {name}: {evidence}")
    target = None
    if model is not None:
        directory = model_directory(model)
        config = ModelConfig.parse(read_config(directory), str(directory / "config.json"))
        if config.mel is None:
            raise AudiodiffError(f"--model {model!r} takes no mel; choose another")
        target = config.mel
    advice = advise(examination, target)
    print(advice.sentence)
    if not advice.fits:
        raise typer.Exit(1)

"""`audiodiff train`."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli.terminal import console, require
from audiodiff.errors import AudiodiffError


def train(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.toml", help="The run.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The run's folder.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(help="A folder of clips, in LJSpeech's form or any; may be given often."),
    ] = None,
    shards: Annotated[
        str | None, typer.Option(help="Instead: a folder of shards, or its http address.")
    ] = None,
    mels: Annotated[
        Path | None,
        typer.Option(help="Mels that an acoustic model predicted for the clips, ID.npy."),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(help="Stop after this step of the run.", min=1)
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option(help="Stop after so many minutes of this session.", min=0)
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")
    ] = False,
    init: Annotated[
        str | None,
        typer.Option(help="Start from this model's weights: a name, directory or hub id."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value over the config, e.g. optimizer.lr=1e-4."),
    ] = None,
) -> None:
    """Train a model; also under `accelerate launch` or `torchrun`."""
    require("training", "train", "accelerate", "tensorboard")
    if (shards is None) == (not data):
        raise AudiodiffError("give the clips by either --data FOLDER or --shards FOLDER")
    if shards is not None:
        require("--shards", "prepare", "webdataset")
    if shards is not None and mels is not None:
        raise AudiodiffError("--mels goes with --data alone; shards hold no mels")
    from audiodiff.model.hub import model_directory
    from audiodiff.training.config import read_train_config
    from audiodiff.training.session import Stop
    from audiodiff.training.trainer import train as run

    settings = read_train_config(config, set_ or [])
    start = None if init is None else model_directory(init)
    stop = Stop(max_steps, max_minutes)
    run(
        settings,
        data or [],
        out,
        stop=stop,
        resume=resume,
        init=start,
        shards=shards,
        mels=mels,
        say=console.print,
    )

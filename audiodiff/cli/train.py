"""`audiodiff train`."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli.options import A_MODEL, Threads, finite
from audiodiff.cli.terminal import console, require
from audiodiff.errors import AudiodiffError


def train(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the model, checkpoints and logs.")
    ],
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="CONFIG.toml",
            help="Configuration of the run; with --resume, the one in --out if not given.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of clips, in LJSpeech's layout or any; may be repeated."),
    ] = None,
    shards: Annotated[
        str | None, typer.Option(help="Folder of shards, or its http address, in place of --data.")
    ] = None,
    mels: Annotated[
        Path | None,
        typer.Option(
            help="Folder of mels (ID.npy) that an acoustic model predicted for the clips."
        ),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(help="Stop after this step of the run.", min=1)
    ] = None,
    max_minutes: Annotated[
        float | None,
        typer.Option(help="Stop after this many minutes of this session.", min=0, callback=finite),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the last checkpoint in --out.")
    ] = False,
    init: Annotated[
        str | None,
        typer.Option(help=f"Model whose weights training starts from: {A_MODEL}."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Setting that overrides the config, e.g. optimizer.lr=1e-4; may be repeated.",
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Train a model, in one process or under `accelerate launch` or `torchrun`."""
    require("training", "train", "accelerate", "tensorboard")
    if (shards is None) == (not data):
        raise AudiodiffError("give the clips by either --data FOLDER or --shards FOLDER")
    if config is None and not resume:
        raise AudiodiffError("give the CONFIG.toml of a new run, or --resume to continue one")
    if shards is not None:
        require("--shards", "prepare", "webdataset")
    if shards is not None and mels is not None:
        raise AudiodiffError("--mels goes with --data alone; shards hold no mels")
    from audiodiff.model.hub import model_directory
    from audiodiff.system.threads import computing, n_threads
    from audiodiff.training.config import read_train_config
    from audiodiff.training.run_folder import stored_config
    from audiodiff.training.session import Stop
    from audiodiff.training.trainer import train as run

    if config is not None:
        settings = read_train_config(config, set_ or [])
    else:
        settings = stored_config(out, set_ or [])
    start = None if init is None else model_directory(init)
    stop = Stop(max_steps, max_minutes)
    with computing(n_threads(threads)):
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

"""`audiodiff search`."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli.options import ModelName, Sampler, Seed, Threads
from audiodiff.cli.terminal import console, progress_bar, require, step_counts

SCALE = 1000
"""Total of a progress bar that shows a fraction."""


def search(
    model: ModelName,
    data: Annotated[
        list[Path], typer.Option(help="Folder of clips, laid out as for train; may be repeated.")
    ],
    steps: Annotated[
        str, typer.Option(help="Numbers of steps to find times for, e.g. 1,2,4.")
    ] = "1,2,3,4,6,8",
    sampler: Sampler = None,
    method: Annotated[
        str,
        typer.Option(
            help="Search method: straightness, likelihood, trajectory, gradient, grid, learned "
            "or perceptual."
        ),
    ] = "trajectory",
    split: Annotated[
        str, typer.Option(help="Split of the clips to search on: train, dev or test.")
    ] = "dev",
    budget: Annotated[
        int | None,
        typer.Option(
            help="Number of runs that gradient, grid or perceptual may make, or of training steps "
            "that learned may take; the method's default if not given.",
            min=1,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Store the times found even if those stored before are better."
        ),
    ] = False,
    seed: Seed = 0,
    plot: Annotated[
        bool,
        typer.Option(
            "--plot", help="Plot the times found to schedules.png, in the same folder as the times."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for a copy of the model with the times found; if not given, times go to "
            "the model's directory, or to your user data folder if the model came with this "
            "package or from the hub.",
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Find the best diffusion times for given numbers of steps; vocode --steps uses them."""
    require("searching", "search", "pesq", "cma")
    from audiodiff.audio.plots import save_figure
    from audiodiff.model.found import TIMES_NAME
    from audiodiff.model.hub import model_directory
    from audiodiff.search.command import Task, search
    from audiodiff.search.plots import times_figure
    from audiodiff.system.threads import computing, n_threads

    directory = model_directory(model)
    counts = step_counts(steps)
    task = Task(data, sampler, counts, method, split, budget, force, seed)
    with progress_bar() as progress, computing(n_threads(threads)):
        bar = progress.add_task("searching", total=SCALE, note="")
        folder = search(
            directory,
            task,
            console.print,
            lambda fraction: progress.update(bar, completed=round(fraction * SCALE)),
            out,
        )
    if plot:
        from audiodiff.model.model import Model

        loaded = Model.load(directory if out is None else out)
        save_figure(times_figure(loaded.schedule, loaded.searched), folder / "schedules.png")
        console.print(f"wrote {folder / 'schedules.png'}")
    stored = folder / TIMES_NAME
    if stored.is_file():
        console.print(f"times found are stored in {stored}")
    else:
        console.print("no times were stored: none beat those in use (--force stores them anyway)")

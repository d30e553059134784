"""`audiodiff search`."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli.options import ModelName, Sampler, Seed
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
            "of learned; the method's default if not given.",
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
            "--plot", help="Draw the times found to schedules.png in the model's directory."
        ),
    ] = False,
) -> None:
    """Find the best times for a sampler and numbers of steps; vocode --steps uses them."""
    require("searching", "search", "pesq", "cma")
    from audiodiff.audio.plots import save_figure
    from audiodiff.model.found import load_schedules
    from audiodiff.model.hub import model_directory
    from audiodiff.search.command import Task, search
    from audiodiff.search.plots import schedules_figure

    directory = model_directory(model)
    counts = step_counts(steps)
    task = Task(data, sampler, counts, method, split, budget, force, seed)
    with progress_bar() as progress:
        bar = progress.add_task("searching", total=SCALE, note="")
        search(
            directory,
            task,
            console.print,
            lambda fraction: progress.update(bar, completed=round(fraction * SCALE)),
        )
    if plot:
        from audiodiff.model.model import Model

        figure = schedules_figure(Model.load(directory).schedule, load_schedules(directory))
        save_figure(figure, directory / "schedules.png")
        console.print(f"wrote {directory / 'schedules.png'}")

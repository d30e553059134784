"""`audiodiff search`."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli.options import ModelName, Sampler, Seed, Threads
from audiodiff.cli.terminal import console, progress_bar, require, step_counts
from audiodiff.errors import AudiodiffError

SCALE = 1000
"""Total of a progress bar that shows a fraction."""


def search(
    model: ModelName,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of clips, laid out as for train; may be repeated. Times are kept only if "
            "the split has at least five clips."
        ),
    ] = None,
    steps: Annotated[
        str,
        typer.Option(help="Numbers of steps to find times for, each at most 64, e.g. 1,2,4."),
    ] = "1,2,3,4,6,8",
    sampler: Sampler = None,
    method: Annotated[
        str,
        typer.Option(
            help="Search method: straightness, likelihood, bound, trajectory, coefficients, "
            "gradient, grid, learned or perceptual."
        ),
    ] = "trajectory",
    split: Annotated[
        str, typer.Option(help="Split of the clips to search on: train, dev or test.")
    ] = "dev",
    budget: Annotated[
        int | None,
        typer.Option(
            help="Number of runs that coefficients, gradient, grid or perceptual may make, or of "
            "training steps that learned may take; the method's default if not given.",
            min=1,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Store the times found even if the times in use are better, or if there are too "
            "few clips to tell.",
        ),
    ] = False,
    forget: Annotated[
        bool,
        typer.Option("--forget", help="Delete the times found for the model instead of searching."),
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
            help="Folder for a copy of the model with the times found. If not given, times go to "
            "the model's directory, or to your user data folder if the model came with this "
            "package or from the hub.",
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Find the best diffusion times for given numbers of steps; vocode --steps uses them."""
    from audiodiff.model.hub import model_directory

    if forget:
        _forget(model_directory(model), data)
        return
    if not data:
        raise AudiodiffError("there are no clips to search on; give --data FOLDER")
    require("searching", "search", "pystoi", "cma")
    from audiodiff.audio.plots import save_figure
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


def _forget(directory: Path, data: list[Path] | None) -> None:
    """Deletes the times found for a model, and says which."""
    from audiodiff.model.found import forget_times, steps_in_words

    if data:
        raise AudiodiffError("--forget does not search; leave out --data")
    forgotten = forget_times(directory)
    for path, found in forgotten.items():
        runs = ", ".join(
            f"{steps_in_words(n_steps)} of {sampler}" for sampler, n_steps in sorted(found)
        )
        console.print(f"deleted {path}, the times of {runs or 'other weights'}")
    if not forgotten:
        console.print(f"no times have been found for {directory}")

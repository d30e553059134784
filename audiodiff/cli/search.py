"""The commands `search` and `info`: the best times of a model's runs, found and shown."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from audiodiff.cli.terminal import console, progress_bar, require, step_counts

if TYPE_CHECKING:
    from audiodiff.model.model import Model

SCALE = 1000
"""Of a progress bar that takes fractions."""

WIDTH = 160
"""Of a table that goes to a file."""

Name = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A name, directory or hub id.", show_default=False),
]


def search(
    model: Name,
    data: Annotated[
        list[Path], typer.Option(help="A folder of clips, as for train; may be given often.")
    ],
    steps: Annotated[str, typer.Option(help="Numbers of steps, e.g. 1,2,4.")] = "1,2,3,4,6,8",
    sampler: Annotated[str | None, typer.Option(help="The model's own by default.")] = None,
    method: Annotated[
        str,
        typer.Option(
            help="straightness, likelihood, trajectory, gradient, grid, learned or perceptual."
        ),
    ] = "trajectory",
    split: Annotated[str, typer.Option(help="Of the clips: train, dev or test.")] = "dev",
    budget: Annotated[
        int | None,
        typer.Option(
            help="Runs that gradient, grid and perceptual make, or steps of learned.", min=1
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also where what is there is better.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of noise and search.", min=0)] = 0,
    plot: Annotated[bool, typer.Option("--plot", help="Draw schedules.png too.")] = False,
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


def info(model: Name) -> None:
    """What a model is, its default run, and the times that were found for others."""
    from audiodiff.model.hub import model_directory
    from audiodiff.model.model import Model

    directory = model_directory(model)
    loaded = Model.load(directory)
    config = loaded.config
    n_parameters = sum(p.numel() for p in loaded.network.parameters())
    mel = (
        "none" if config.mel is None else f"{config.mel.n_mels} bands, hop {config.mel.hop_length}"
    )
    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = WIDTH
    out.print(f"{directory}", markup=False)
    out.print(
        f"{config.network.kind}, {n_parameters / 1e6:.2f} M parameters, {config.sample_rate} Hz, "
        f"mel: {mel}; {config.schedule.kind} schedule, predicts {config.target}"
    )
    out.print(f"default run: {run_in_words(loaded, None, None)}")
    if not loaded.searched:
        out.print("no times were searched for these weights; see audiodiff search")
        return
    table = Table("sampler", "steps", "times", "method", "PESQ", "mel error", "clips", "calls")
    for key in sorted(loaded.searched):
        found = loaded.searched[key]
        times = " ".join(f"{t:.4g}" for t in found.times)
        where = f"{found.clips} of {', '.join(found.data)} ({found.split})"
        scores = f"{found.pesq_wb:.3f}", f"{found.mel_mae:.3f}"
        table.add_row(
            found.sampler, str(found.n_steps), times, found.method, *scores, where, str(found.calls)
        )
    out.print(table)


def run_in_words(model: "Model", n_steps: int | None, sampler: str | None) -> str:
    """Sampler, times and where they come from."""
    from audiodiff.model.run import Run

    name = sampler or model.config.sampling.sampler
    times = model.times(Run(sampler, n_steps))
    found = None if n_steps is None else model.searched.get((name, n_steps))
    if found is not None:
        origin = f"found by {found.method}, PESQ {found.pesq_wb:.2f} on {found.clips} clips"
    elif n_steps in (None, model.n_steps):
        origin = "the model's own"
    else:
        origin = f"by the rule {model.config.sampling.rule!r}"
    count = len(times) - 1
    return (
        f"{count} step{'' if count == 1 else 's'} of {name} at "
        f"{' '.join(f'{t:.4g}' for t in times.tolist())} ({origin})"
    )

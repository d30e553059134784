"""`audiodiff distill`."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli.options import A_MODEL, Threads
from audiodiff.cli.terminal import console, require, run_in_words, step_counts
from audiodiff.config import MAX_STEPS


def distill(
    teacher: Annotated[
        str, typer.Argument(metavar="TEACHER", help=f"Model: {A_MODEL}.", show_default=False)
    ],
    data: Annotated[
        list[Path],
        typer.Option(help="Folder of clips, laid out as for train; may be repeated."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the students, checkpoints and logs.")
    ],
    method: Annotated[
        str, typer.Option(help="Method: progressive, consistency, shortcut or meanflow.")
    ] = "progressive",
    steps: Annotated[
        str, typer.Option(help="Numbers of steps of the students, e.g. 1,2,4.")
    ] = "1,2,4",
    teacher_steps: Annotated[
        int | None,
        typer.Option(
            help="Number of DDIM steps of the first teacher, which progressive distillation halves "
            "again and again; 64 if not given.",
            min=2,
            max=MAX_STEPS,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="CONFIG.toml",
            help="Config of the training; that of the teacher's own training if not given.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the last checkpoint in --out.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Setting that overrides the config of every student, e.g. steps=2000; may be "
            "repeated.",
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Train students that make a model's sound in fewer steps and without its guidance."""
    require("distilling", "train", "accelerate", "tensorboard")
    counts = step_counts(steps)
    from audiodiff.model.model import Model
    from audiodiff.model.run import Run
    from audiodiff.system.threads import computing, n_threads
    from audiodiff.training.distill import Task
    from audiodiff.training.distill import distill as run

    task = Task(teacher, method, counts, teacher_steps, config, set_ or [])
    with computing(n_threads(threads)):
        for made in run(task, data, out, resume=resume, say=console.print):
            console.print(f"{made}: {run_in_words(Model.load(made), Run())}")

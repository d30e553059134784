"""Judges the students of the digits model beside it, by steps, as a Markdown table and a plot.

OUT is the folder of `recipes/digits/run.sh`, with its stages train, judge and distill: the teacher,
its students, the judge, and the prepared clips. Rows are as in `digits.py`. A model that is not
there has no rows. OUT/judged/distillation.jsonl keeps finished rows; an interrupted run continues
from them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from digits_judged import Judging, table_of
from digits_rows import Row
from rich.console import Console
from script import machine, run_script

from audiodiff import Run
from audiodiff.audio.plots import save_figure
from audiodiff.pipelines.generator import Generator
from audiodiff.system.atomic import replacing

STEPS = (1, 2, 4, 8)
TEACHER_STEPS = 64

TEACHER = "unet/model"
SAMPLERS = ("ddim", "dpm++2m")
"""The samplers of the teacher: that of its distillation, and its own."""

STUDENTS = {
    "progressive": "progressive/steps-{}/model",
    "consistency": "consistency/model",
    "shortcut": "shortcut/model",
    "meanflow": "meanflow/model",
}
"""Where the recipe leaves the student of a number of steps, by method."""

SHOWN = {"right digit": "digit", "Frechet distance": "frechet", "coverage": "coverage"}
"""What is plotted against the number of steps."""


def name_of(kind: str, n_steps: int) -> str:
    """What the table calls a run of a student, or of the teacher by a sampler."""
    return f"{kind}, {n_steps} step{'' if n_steps == 1 else 's'}"


def rows_of(out: Path) -> Iterator[tuple[Path, Row]]:
    """Every row with the directory of its model, the teacher's first."""
    teacher = out / TEACHER
    yield teacher, Row("teacher, its own run", True, Run())
    yield teacher, Row(name_of("teacher by ddim", TEACHER_STEPS), True, Run("ddim", TEACHER_STEPS))
    for sampler in SAMPLERS:
        for n in STEPS:
            yield teacher, Row(name_of(f"teacher by {sampler}", n), True, Run(sampler, n))
    for method, place in STUDENTS.items():
        for n in STEPS:
            student = out / place.format(n)
            if student.is_dir():
                yield student, Row(name_of(method, n), True, Run(n_steps=n))


def judged(out: Path, n: int, device: str, console: Console) -> list[dict[str, Any]]:
    """The recordings and all rows, read from OUT/judged/distillation.jsonl or made now."""
    judging = Judging(out, n, device, out / "judged" / "distillation.jsonl", console)
    generators: dict[Path, Generator] = {}

    def generator(directory: Path) -> Generator:
        if directory not in generators:
            generators[directory] = Generator.from_pretrained(directory, device)
        return generators[directory]

    names = judging.recordings(generator(out / TEACHER))
    names += [judging.row(generator(directory), row) for directory, row in rows_of(out)]
    return [judging.known[name] for name in names]


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Plots accuracy, distance and coverage against the number of steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    named = {row["name"]: row["scores"] | row["right"] for row in rows}
    kinds = [*(f"teacher by {sampler}" for sampler in SAMPLERS), *STUDENTS]
    for axis, (label, score) in zip(figure.subplots(1, len(SHOWN)), SHOWN.items(), strict=True):
        for kind in kinds:
            points = [
                (n, named[name_of(kind, n)][score]) for n in STEPS if name_of(kind, n) in named
            ]
            if points:
                axis.plot(*zip(*points, strict=True), "o-", label=kind)
        best = name_of("teacher by ddim", TEACHER_STEPS)
        axis.plot(STEPS, [named[best][score]] * len(STEPS), "--", color="gray", label=best)
        axis.set(xlabel="steps", ylabel=label, xscale="log")
        axis.set_xticks(STEPS, [str(n) for n in STEPS])
        axis.set_xticks([], minor=True)
        axis.grid(alpha=0.3)
        axis.legend()
    save_figure(figure, path)


def main(
    out: Annotated[Path, typer.Argument(help="Folder of recipes/digits/run.sh.")],
    n: Annotated[int, typer.Option(help="Number of clips in each row.", min=1)] = 300,
    device: Annotated[str, typer.Option(help="Device, e.g. cpu or cuda.")] = "cpu",
) -> None:
    """Judge the digits model and its students; the same command resumes an interrupted run."""
    rows = judged(out, n, device, Console(stderr=True))
    text = f"{n} clips a row, seeds 0 to {n - 1}, {machine()}.\n\n{table_of(rows)}\n"
    print(text)
    with replacing(out / "judged" / f"distillation-{n}.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    draw(rows, out / "judged" / "distillation.png")


if __name__ == "__main__":
    run_script(main)

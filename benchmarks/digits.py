"""Judges what the digits model makes, by guidance and by steps, as a Markdown table and two plots.

OUT is the folder of `recipes/digits/run.sh`: its model, classifier and judge, and its prepared
clips. The reference of every row is the test clips; recordings that the model was trained on, as
they are and after the vocoder, show what could be reached. DNSMOS is the mean over the first clips
of a row. OUT/judged/scores.jsonl keeps finished rows; an interrupted run continues from them.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import digits_rows
import torch
import typer
from digits_judged import Judging, table_of, vocoded
from rich.console import Console
from script import machine, run_script

from audiodiff.audio import io
from audiodiff.audio.plots import save_figure, spectrogram_figure
from audiodiff.diffusion.times import TIMES
from audiodiff.pipelines.generator import Generator
from audiodiff.system.atomic import replacing


def judged(
    out: Path, n: int, scale: float, only: Sequence[str] | None, device: str, console: Console
) -> list[dict[str, Any]]:
    """The recordings and the rows asked for, read from OUT/judged/scores.jsonl or made now."""
    generator = Generator.from_pretrained(out / "unet" / "model", device)
    judging = Judging(out, n, device, out / "judged" / "scores.jsonl", console)
    names = judging.recordings(generator)
    for row in digits_rows.rows_of(generator, out / "classifier" / "model", scale):
        if only is None or row.name in only:
            names.append(judging.row(generator, row))
    return [judging.known[name] for name in names]


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Plots quality and diversity against the guidance scale, and against steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    by_scale, by_steps, same = figure.subplots(1, 3)
    named = {row["name"]: row for row in rows}
    for kind, scales in digits_rows.SCALES.items():
        found = [named[digits_rows.name_of(kind, scale)] for scale in scales]
        for axis, score in ((by_scale, "frechet"), (same, "coverage")):
            axis.plot(
                scales,
                [row["scores"][score] for row in found],
                "o-",
                label=digits_rows.GUIDANCES[kind],
            )
    for sampler, origin in itertools.product(digits_rows.SAMPLERS, (*TIMES, "searched")):
        points = [
            (n, named[name]["scores"]["frechet"])
            for n in digits_rows.STEPS
            if (name := f"{sampler}, {n} steps, {origin}") in named
        ]
        if points:
            by_steps.plot(*zip(*points, strict=True), "o-", label=f"{sampler}, {origin}")
    by_scale.set(xlabel="guidance scale", ylabel="Frechet distance", yscale="log")
    same.set(xlabel="guidance scale", ylabel="coverage")
    by_steps.set(xlabel="steps", xscale="log", ylabel="Frechet distance", yscale="log")
    by_steps.set_xticks(digits_rows.STEPS, [str(n) for n in digits_rows.STEPS])
    by_steps.set_xticks([], minor=True)
    for axis in (by_scale, by_steps, same):
        axis.grid(alpha=0.3)
        axis.legend()
    save_figure(figure, path)


def compare(out: Path, device: str, path: Path) -> None:
    """Draws spectrograms of recordings, and beside each a sound of the same labels."""
    generator = Generator.from_pretrained(out / "unet" / "model", device)
    rate, shown = generator.sample_rate, []
    for digit, speaker in (("seven", "theo"), ("three", "jackson"), ("nine", "lucas")):
        number = generator.labels["digit"].index(digit)
        source = out / "prepared" / "wavs" / f"{number}_{speaker}_0.flac"
        wave = vocoded(generator, torch.from_numpy(io.load(source, rate)[0])[None])[0]
        label = {"digit": digit, "speaker": speaker}
        shown.append((f"recorded: {digit} by {speaker}", wave))
        shown.append(("made", generator.generate(1, label)[0].cpu()))
    save_figure(spectrogram_figure(shown, rate), path)


def main(
    out: Annotated[Path, typer.Argument(help="Folder of recipes/digits/run.sh.")],
    n: Annotated[int, typer.Option(help="Number of clips in each row.", min=1)] = 300,
    scale: Annotated[float, typer.Option(help="Guidance scale of the rows with steps.")] = 2.0,
    only: Annotated[
        list[str] | None,
        typer.Option(help="A row to judge beside the recordings; all, with plots, if not given."),
    ] = None,
    device: Annotated[str, typer.Option(help="Device, e.g. cpu or cuda.")] = "cpu",
) -> None:
    """Judge the digits model; the same command resumes an interrupted run."""
    rows = judged(out, n, scale, only, device, Console(stderr=True))
    head = (
        f"{n} clips a row, seeds 0 to {n - 1}, scale {scale:g} in the rows with steps, {machine()}."
    )
    text = f"{head}\n\n{table_of(rows)}\n"
    print(text)
    folder = out / "judged"
    with replacing(folder / f"digits-{n}.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    if only is None:
        draw(rows, folder / "digits.png")
        compare(out, device, folder / "spectrograms.png")


if __name__ == "__main__":
    run_script(main)

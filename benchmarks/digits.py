"""Judges what the digits model makes, by guidance and by steps, as a Markdown table and two plots.

OUT is the folder of `recipes/digits/run.sh`: its model, classifier and judge, and its prepared
clips. The reference of every row is the test clips; recordings that the model was trained on, as
they are and after the vocoder, show what could be reached. DNSMOS is the mean over the first clips
of a row. OUT/judged/scores.jsonl keeps finished rows; an interrupted run continues from them.
"""

import itertools
import json
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import digits_rows
import torch
import typer
from rich.console import Console
from script import machine, run_script

from audiodiff._types import Wave
from audiodiff.audio import io
from audiodiff.audio.plots import save_figure, spectrogram_figure
from audiodiff.conditioning.labels import labels_asked
from audiodiff.conditioning.parts import joined
from audiodiff.data.corpus import clips_of
from audiodiff.data.labelled import Table, read_table
from audiodiff.diffusion.times import TIMES
from audiodiff.metrics.registry import METRICS
from audiodiff.metrics.sets import Heard, SetScores, evaluate_sets
from audiodiff.pipelines.generator import Generator
from audiodiff.pipelines.sound_classifier import SoundClassifier
from audiodiff.system.atomic import replacing
from audiodiff.system.documents import read_json_lines

BATCH = 50
N_OPINIONS = 100
"""Of how many clips in a row DNSMOS gives its opinion."""

SETS = ("frechet", "frechet_inf", "kernel", "precision", "recall", "density", "coverage")


def labels_in_turn(labels: Any, n: int) -> list[dict[str, str]]:
    """All pairs of digit and speaker, again and again."""
    digits, speakers = labels["digit"], labels["speaker"]
    pairs = [{"digit": digit, "speaker": speaker} for digit in digits for speaker in speakers]
    # 7 has no divisor in common with the number of pairs, so that any n is even in both.
    return [pairs[7 * i % len(pairs)] for i in range(n)]


def made(generator: Generator, row: digits_rows.Row, labels: Sequence[dict[str, str]]) -> Wave:
    """The sounds of a row, one for each label, sound i with seed i."""
    parts = []
    for first in range(0, len(labels), BATCH):
        asked = labels[first : first + BATCH]
        conds = [labels_asked(label if row.labelled else None, generator.labels) for label in asked]
        run = replace(row.run, seed=tuple(range(first, first + len(asked))))
        parts.append(generator.make(joined(conds), run).cpu())
    return torch.cat(parts)


def heard(judge: SoundClassifier, waves: Sequence[Wave], labels: Sequence[dict[str, str]]) -> Heard:
    """What the judge makes of sounds, each (1, samples)."""
    known = [judge.probabilities(wave) for wave in waves]
    return Heard(
        torch.cat([judge.features(wave) for wave in waves]),
        {
            kind: [names[int(guess[kind].argmax())] for guess in known]
            for kind, names in judge.labels.items()
        },
        labels,
    )


def clips(folder: Path, split: str, table: Table, rate: int) -> tuple[list[Wave], list[Any]]:
    """The recordings of a split, and their labels."""
    found = clips_of(folder, split)
    waves = [torch.from_numpy(io.load(path, rate)[0])[None] for path in found.values()]
    return waves, [dict(table[id_]) for id_ in found]


def opinion(waves: Sequence[Wave], rate: int) -> float | None:
    """The mean DNSMOS of sounds, each (1, samples), where it is defined; None if it never is."""
    found = (METRICS["dnsmos"].function(wave[0].numpy(), wave[0].numpy(), rate) for wave in waves)
    defined = [score for score in found if math.isfinite(score)]
    return statistics.mean(defined) if defined else None


def scored(name: str, scores: SetScores, spread: Counter[str], mos: float | None) -> dict[str, Any]:
    """A row as OUT/judged/scores.jsonl holds it."""
    return {
        "name": name,
        "clips": scores.n_clips,
        "scores": scores.scores,
        "right": {kind: accuracy.share for kind, accuracy in scores.accuracy.items()},
        "nearest": {other: distance.median for other, distance in scores.nearest.items()},
        "dnsmos": mos,
        "digits": dict(spread),
    }


def judged(
    out: Path, n: int, scale: float, only: Sequence[str] | None, device: str, console: Console
) -> list[dict[str, Any]]:
    """The recordings and the rows asked for, read from OUT/judged/scores.jsonl or made now."""
    generator = Generator.from_pretrained(out / "unet" / "model", device)
    judge = SoundClassifier.from_pretrained(out / "judge" / "model", device)
    prepared, path = out / "prepared", out / "judged" / "scores.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {row["name"]: row for row in read_json_lines(path) if row["clips"] == n}
    table = read_table([prepared])
    reference, train = (
        heard(judge, *clips(prepared, split, table, judge.sample_rate))
        for split in ("test", "train")
    )
    labels, rate = labels_in_turn(generator.labels, n), generator.sample_rate

    def add(name: str, waves: Sequence[Wave], labels: Sequence[dict[str, str]]) -> None:
        found = heard(judge, waves, labels)
        result = evaluate_sets("judge", reference, found, train)
        spread = Counter(found.guesses["digit"])
        row = scored(name, result.generated, spread, opinion(waves[:N_OPINIONS], rate))
        with path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        console.print(f"{name}: {row['right']}, {row['scores']}")
        known[name] = row

    names = ["recordings", "recordings, vocoded"]
    if names[0] not in known or names[1] not in known:
        waves, own = clips(prepared, "train", table, judge.sample_rate)
        chosen = torch.randperm(len(waves), generator=torch.Generator().manual_seed(0))[:n]
        waves, own = [waves[i] for i in chosen], [own[i] for i in chosen]
        add(names[0], waves, own)
        add(names[1], [vocoded(generator, wave) for wave in waves], own)
    for row in digits_rows.rows_of(generator, out / "classifier" / "model", scale):
        if only is not None and row.name not in only:
            continue
        names.append(row.name)
        if row.name not in known:
            sounds = made(generator, row, labels)
            add(row.name, sounds.split(1), labels if row.labelled else [{}] * n)
    return [known[name] for name in names]


@torch.no_grad()
def vocoded(generator: Generator, wave: Wave) -> Wave:
    """A recording through the codec and its vocoder, as long as the model's sounds."""
    n_samples = generator.n_samples
    padded = torch.nn.functional.pad(wave, (0, max(0, n_samples - wave.shape[1])))[:, :n_samples]
    codec = generator.model.codec
    return codec.decode(codec.encode(padded.to(generator.model.device)), n_samples).cpu()


def table_of(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    heads = ["right digit", "right speaker", *SETS, "nearest training", "nearest test"]
    heads += ["rarest", "DNSMOS"]
    lines = [f"| made | {' | '.join(heads)} |", "|---" * (1 + len(heads)) + "|"]
    for row in rows:
        right = [row["right"].get(kind) for kind in ("digit", "speaker")]
        near = [row["nearest"].get(other) for other in ("train", "reference")]
        counts = row["digits"]
        rarest = 10 * min(counts.values()) / sum(counts.values()) if len(counts) == 10 else 0.0
        figures = [*right, *(row["scores"][name] for name in SETS), *near, rarest, row["dnsmos"]]
        cells = ("-" if figure is None else f"{figure:.3g}" for figure in figures)
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    return "\n".join(lines)


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

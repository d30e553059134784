"""Judges sounds made from texts in words that training did not have, by guidance scale.

OUT is the folder of `recipes/digits-text/run.sh`, whose model is judged. Each sound has a text
of a form that no training text has, with a digit and a speaker: such as were together in training,
or never. The judge, a classifier of recordings alone, says whether both are right. With the same
noise and the same form, the text then also asks for a deep or a high voice, a slow or a quick pace,
a quiet or a loud one, and that quality is measured of both sounds: the last columns hold the share
of pairs in which it moved the right way.
"""

import itertools
import json
import math
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from script import machine, run_script

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "recipes" / "digits-text"))
from captions import measured
from phrases import HELD_OUT, HOW, TESTED, Facts, sentence

from audiodiff import Run
from audiodiff._types import Wave
from audiodiff.audio.plots import save_figure
from audiodiff.conditioning.parts import joined
from audiodiff.data.layouts import DIGITS
from audiodiff.pipelines.generator import Generator
from audiodiff.pipelines.sound_classifier import SoundClassifier
from audiodiff.system.atomic import replacing

SCALES = (1.0, 1.5, 2.0, 3.0, 4.0)
BATCH = 50

JUDGED = ("digit", "speaker")
WANTED = [(quality, direction) for quality, words in HOW.items() for direction in words]
"""The qualities that texts ask for, each in both directions."""

SETS = ("together in training", "never together")


def combinations(speakers: Sequence[str], n: int) -> dict[str, list[Facts]]:
    """Digits and speakers of ``n`` sounds of each set, in turn."""
    pairs = [(digit, speaker) for digit in DIGITS for speaker in speakers]
    sets = ([pair for pair in pairs if pair not in HELD_OUT], HELD_OUT)
    # 7 has no divisor in common with the number of pairs of either set, so that all take turns.
    return {
        name: [Facts(*own[7 * i % len(own)]) for i in range(n)]
        for name, own in zip(SETS, sets, strict=True)
    }


def text_of(facts: Facts, i: int) -> str:
    """The text of sound i, of the same form whatever else it tells."""
    return sentence(facts, Facts._fields, (TESTED[i % len(TESTED)],), random.Random(i))


def made(generator: Generator, texts: Sequence[str], scale: float) -> Wave:
    """The sounds of texts, sound i with seed i."""
    parts = []
    for first in range(0, len(texts), BATCH):
        conds = [generator.condition(text=text) for text in texts[first : first + BATCH]]
        run = Run(seed=range(first, first + len(conds)), guidance_scale=scale)
        parts.append(generator.make(joined(conds), run).cpu())
    return torch.cat(parts)


def judged(
    generator: Generator, judge: SoundClassifier, asked: Sequence[Facts], scale: float
) -> dict[str, float]:
    """The share of sounds that are right, by what is right."""
    neutral = made(generator, [text_of(facts, i) for i, facts in enumerate(asked)], scale)
    known = judge.probabilities(neutral)
    shares = {}
    for kind in JUDGED:
        guesses = [judge.labels[kind][i] for i in known[kind].argmax(1).tolist()]
        right = [getattr(facts, kind) == guess for facts, guess in zip(asked, guesses, strict=True)]
        shares[kind] = sum(right) / len(right)
    moved: dict[str, list[bool]] = {quality: [] for quality in HOW}
    rate = generator.sample_rate
    for quality, direction in WANTED:
        texts = [
            text_of(Facts(**facts._asdict() | {quality: direction}), i)
            for i, facts in enumerate(asked)
        ]
        for before, after in zip(neutral, made(generator, texts, scale), strict=True):
            one, other = (
                getattr(measured(wave.numpy(), rate), quality) for wave in (before, after)
            )
            # What cannot be measured has not moved.
            moved[quality].append(not math.isnan(other - one) and (other - one) * direction > 0)
    return shares | {quality: sum(right) / len(right) for quality, right in moved.items()}


def table_of(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| digit and speaker | scale | right digit | right speaker | pitch | pace | loudness |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (f"{row[name]:.3f}" for name in (*JUDGED, *HOW))
        lines.append(f"| {row['set']} | {row['scale']:g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Plots every share against the guidance scale; dashed for combinations never together."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    for axis, names, title in zip(
        figure.subplots(1, 2),
        (JUDGED, HOW),
        ("share of sounds that are right", "share of pairs that moved the right way"),
        strict=True,
    ):
        for (which, style), (n, name) in (
            (a, b) for a in zip(SETS, ("o-", "s--"), strict=True) for b in enumerate(names)
        ):
            own = [row for row in rows if row["set"] == which]
            scales, shares = [row["scale"] for row in own], [row[name] for row in own]
            axis.plot(scales, shares, style, color=f"C{n}", label=f"{name}, {which}")
        axis.set(xlabel="guidance scale", ylabel=title, ylim=(0, 1.02))
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    save_figure(figure, path)


def main(
    out: Annotated[Path, typer.Argument(help="Folder of recipes/digits-text/run.sh.")],
    n: Annotated[int, typer.Option(help="Sounds of each set without a quality.", min=1)] = 60,
    judge: Annotated[str, typer.Option(help="Judge: a classifier of recordings.")] = "digits-judge",
    device: Annotated[str, typer.Option(help="Device, e.g. cpu or cuda.")] = "cpu",
) -> None:
    """Judge the model of digits from texts."""
    generator = Generator.from_pretrained(out / "unet" / "model", device)
    listener = SoundClassifier.from_pretrained(judge, device)
    sets = combinations(listener.labels["speaker"], n)
    rows, console = [], Console(stderr=True)
    for (name, asked), scale in itertools.product(sets.items(), SCALES):
        rows.append({"set": name, "scale": scale} | judged(generator, listener, asked, scale))
        console.print(rows[-1])
    head = f"{n} sounds a row, seeds 0 to {n - 1}, and {2 * n} pairs a quality, {machine()}."
    text = f"{head}\n\n{table_of(rows)}\n"
    print(text)
    folder = out / "judged"
    for name, content in (("text.md", text), ("text.json", json.dumps(rows, indent=2) + "\n")):
        with replacing(folder / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
    draw(rows, folder / "text.png")


if __name__ == "__main__":
    run_script(main)

"""Measures how much of what a model makes has a class that is rare in its training set, as a table.

MODEL, with labels of several kinds, was trained on PREPARED, where one class of `--kind` is rare;
the stage `rare` of recipes/digits-latent makes both. Sounds are made of nothing, or of the labels
of the other kinds alone, so that the class is left to the model; a judge, which was trained on all
classes, hears their mels. OUT/coverage.jsonl keeps finished rows; an interrupted command continues
from them.

    python benchmarks/rare_classes.py MODEL PREPARED -o OUT --student runs/steps-2/model
"""

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import torch
import typer
from rich.console import Console
from scipy.stats import binomtest
from script import machine, run_script

from audiodiff import AudiodiffError, Run
from audiodiff._types import State
from audiodiff.audio import io
from audiodiff.codecs.latent import LatentCodec, mels_of
from audiodiff.conditioning.parts import joined
from audiodiff.data.corpus import clips_of
from audiodiff.data.labelled import read_table
from audiodiff.guidance import ClassifierFree
from audiodiff.pipelines.generator import Generator
from audiodiff.pipelines.sound_classifier import SoundClassifier
from audiodiff.samplers.loop import last
from audiodiff.system.atomic import replacing
from audiodiff.system.documents import read_json_lines

BATCH = 50
STEPS = (4, 8, 32, 64)
SCALES = (1.0, 1.5, 2.0, 3.0, 5.0)

Asked = Literal["nothing", "the other labels", "the rare class"]


class Row(NamedTuple):
    """A way of making sounds.

    Attributes:
        name: What the table calls it.
        asked: What is asked for.
        run: The run, but for its seeds.
        student: Directory of the student that makes them; None for the model itself.
    """

    name: str
    asked: Asked
    run: Run
    student: Path | None = None


def rows_of(n_steps: int, scale: float, students: Sequence[Path]) -> Iterator[Row]:
    """All rows.

    Args:
        n_steps: The model's own number of steps.
        scale: Its own guidance scale.
        students: Directories of students.
    """
    for n in (n_steps, *STEPS):
        yield Row(f"{n} steps", "nothing", Run(n_steps=n))
    yield Row(f"{STEPS[-1]} steps of ddpm", "nothing", Run("ddpm", STEPS[-1]))
    for s in SCALES:
        yield Row(f"{n_steps} steps, scale {s:g}", "the other labels", Run(guidance_scale=s))
    everywhere = Run(guidance=[ClassifierFree()], guidance_scale=scale)
    name = f"{n_steps} steps, scale {scale:g} at all noise levels"
    yield Row(name, "the other labels", everywhere)
    for n in STEPS:
        run = Run(n_steps=n, guidance_scale=scale)
        yield Row(f"{n} steps, scale {scale:g}", "the other labels", run)
    for s in (1.0, scale):
        yield Row(f"{n_steps} steps, scale {s:g}", "the rare class", Run(guidance_scale=s))
    for student in students:
        yield Row(f"student {student}", "nothing", Run(), student)
        yield Row(f"student {student}", "the other labels", Run(), student)


class Coverage:
    """What a judge hears in sounds of a model that was trained on few clips of one class.

    Args:
        prepared: The model's training set.
        kind: The kind of label of which one class is rare.
        judge: Hears which class it is.
        n: Number of sounds in each row.

    Attributes:
        rare: The class with the fewest training clips.
        share: Its share of them.

    Raises:
        AudiodiffError: If the clips have no such labels, or the judge knows no such class.
    """

    def __init__(self, prepared: Path, kind: str, judge: SoundClassifier, n: int) -> None:
        self.prepared, self.kind, self.judge, self.n = prepared, kind, judge, n
        table, self.clips = read_table([prepared]), clips_of(prepared, "train")
        self.labels = {id_: table.get(id_, {}).get(kind) for id_ in self.clips}
        if kind not in judge.labels or None in self.labels.values():
            raise AudiodiffError(
                f"--kind {kind}: the judge, or labels.csv in {prepared}, does not have it for all "
                "clips; give another kind"
            )
        counts = Counter(label for label in self.labels.values() if label is not None)
        self.rare, least = min(counts.items(), key=lambda pair: (pair[1], pair[0]))
        self.share = least / counts.total()

    def recordings(self) -> list[str]:
        """The class that the judge hears in each training clip."""
        heard = []
        for path in self.clips.values():
            wave = io.load(path, self.judge.sample_rate)[0]
            heard += self._named(self.judge.probabilities(torch.from_numpy(wave)[None]))
        return heard

    @torch.no_grad()
    def made(self, generator: Generator, row: Row) -> list[str]:
        """The class that the judge hears in each sound of a row; sound i has seed i."""
        asked, heard = self._asked(generator, row.asked), []
        for first in range(0, self.n, BATCH):
            seeds = tuple(range(first, min(first + BATCH, self.n)))
            cond = joined([generator.condition(asked[i % len(asked)]) for i in seeds])
            run = replace(row.run, seed=seeds, precision="auto")
            x = last(generator.model.steps(cond, generator.n_samples, run)).state
            heard += self._named(self._heard(generator, x))
        return heard

    def _asked(self, generator: Generator, asked: Asked) -> Sequence[Mapping[str, str]]:
        """The labels of the sounds, which take them in turn."""
        if asked == "nothing":
            return [{}]
        others = {kind: names for kind, names in generator.labels.items() if kind != self.kind}
        if asked == "the rare class":
            return [{self.kind: self.rare}]
        return [
            dict(zip(others, names, strict=True)) for names in itertools.product(*others.values())
        ]

    def _heard(self, generator: Generator, x: State) -> dict[str, torch.Tensor]:
        """What the judge makes of states, by their mels, without a vocoder."""
        codec, classifier = generator.model.codec, self.judge.classifier
        mels, ear = mels_of(codec), mels_of(classifier.codec)
        if mels is None or ear is None or mels.config.mel != ear.config.mel:
            raise AudiodiffError("the judge hears no mels as the model makes them; choose another")
        normal = codec.normal_mel_of(x) if isinstance(codec, LatentCodec) else x
        return classifier(ear.normal(mels.mel(normal)), torch.zeros(len(x), dtype=torch.float64))

    def _named(self, known: Mapping[str, torch.Tensor]) -> list[str]:
        return [self.judge.labels[self.kind][int(i)] for i in known[self.kind].argmax(-1)]


def table_of(rows: Sequence[Mapping[str, Any]], rare: str, share: float) -> str:
    """The share of the rare class in each row, with its 95 % interval, and beside that in training.

    The interval is Wilson's, for draws that are right or wrong.
    """
    lines = [f"| made | asked for | {rare}, % | to training | classes |", "|---|---|---|---|---|"]
    for row in rows:
        counts = row["heard"]
        k, n = counts.get(rare, 0), sum(counts.values())
        low, high = binomtest(k, n).proportion_ci(method="wilson")
        cells = [f"{100 * k / n:.1f} ({100 * low:.1f} to {100 * high:.1f})", f"{k / n / share:.2f}"]
        lines.append(f"| {row['name']} | {row['asked']} | {' | '.join(cells)} | {len(counts)} |")
    return "\n".join(lines)


def main(
    model: Annotated[Path, typer.Argument(help="Model directory.")],
    prepared: Annotated[Path, typer.Argument(help="The training set of the model.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the rows and the table.")],
    kind: Annotated[str, typer.Option(help="Kind of label of which a class is rare.")] = "digit",
    judge: Annotated[str, typer.Option(help="Classifier of all classes.")] = "digits-judge",
    student: Annotated[
        list[Path] | None,
        typer.Option(help="Directory of a distilled student of the model; may be repeated."),
    ] = None,
    n: Annotated[int, typer.Option(help="Number of sounds in each row.", min=1)] = 1000,
) -> None:
    """Judge a model whose training set has a rare class; the same command resumes."""
    console, path = Console(stderr=True), out / "coverage.jsonl"
    coverage = Coverage(prepared, kind, SoundClassifier.from_pretrained(judge), n)
    students = student or []
    makers = {place: Generator.from_pretrained(place or model) for place in (None, *students)}
    own = makers[None].model.config.sampling
    out.mkdir(parents=True, exist_ok=True)
    known = {(row["name"], row["asked"]): row for row in read_json_lines(path) if row["clips"] == n}

    def judged(name: str, asked: str, heard: Sequence[str]) -> None:
        row = {"name": name, "asked": asked, "clips": n, "heard": dict(Counter(heard))}
        with path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        console.print(row)
        known[name, asked] = row

    keys = [("training clips", "-")]
    if keys[0] not in known:
        judged(*keys[0], coverage.recordings())
    for row in rows_of(len(own.times) - 1, own.guidance_scale, students):
        keys.append((row.name, row.asked))
        if keys[-1] not in known:
            judged(row.name, row.asked, coverage.made(makers[row.student], row))
    text = (
        f"{n} sounds a row, seeds 0 to {n - 1}; {coverage.rare} is {100 * coverage.share:.2f} % of "
        f"{len(coverage.clips)} training clips; share that the judge hears, and its 95 % interval; "
        f"{machine()}.\n\n"
        f"{table_of([known[key] for key in dict.fromkeys(keys)], coverage.rare, coverage.share)}\n"
    )
    print(text)
    with replacing(out / "coverage.md") as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run_script(main)

"""How sounds of digits are judged, for `digits.py` and `distillation.py`."""

import json
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from digits_rows import Row
from rich.console import Console

from audiodiff._types import Wave
from audiodiff.audio import io
from audiodiff.conditioning.labels import labels_asked
from audiodiff.conditioning.parts import joined
from audiodiff.data.corpus import clips_of
from audiodiff.data.labelled import Table, read_table
from audiodiff.metrics.registry import METRICS
from audiodiff.metrics.sets import Heard, SetScores, evaluate_sets
from audiodiff.pipelines.generator import Generator
from audiodiff.pipelines.sound_classifier import SoundClassifier
from audiodiff.system.documents import read_json_lines

BATCH = 50
N_OPINIONS = 100
"""Of how many clips in a row DNSMOS gives its opinion."""

SETS = ("frechet", "frechet_inf", "kernel", "precision", "recall", "density", "coverage")


class Judging:
    """What the judge of a recipe's folder hears in rows of sounds, each kept once it is judged.

    Args:
        out: Folder of recipes/digits/run.sh: its judge and its prepared clips.
        n: Number of clips in each row.
        device: Device of the judge and of the models.
        path: The file that keeps the rows.
        console: Where each row is told.
    """

    def __init__(self, out: Path, n: int, device: str, path: Path, console: Console) -> None:
        self.prepared, self.n, self.path, self.console = out / "prepared", n, path, console
        self.judge = SoundClassifier.from_pretrained(out / "judge" / "model", device)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.known = {row["name"]: row for row in read_json_lines(path) if row["clips"] == n}
        self.table, rate = read_table([self.prepared]), self.judge.sample_rate
        self.reference, self.train = (
            heard(self.judge, *clips(self.prepared, split, self.table, rate))
            for split in ("test", "train")
        )

    def recordings(self, generator: Generator) -> list[str]:
        """Judges recordings of the training set, as they are and through a model's vocoder."""
        names = ["recordings", "recordings, vocoded"]
        if not all(name in self.known for name in names):
            waves, own = clips(self.prepared, "train", self.table, self.judge.sample_rate)
            chosen = torch.randperm(len(waves), generator=torch.Generator().manual_seed(0))
            waves, own = ([part[i] for i in chosen[: self.n]] for part in (waves, own))
            self._add(names[0], waves, own)
            self._add(names[1], [vocoded(generator, wave) for wave in waves], own)
        return names

    def row(self, generator: Generator, row: Row) -> str:
        """Makes and judges the sounds of a row, unless that is done, and returns its name."""
        if row.name not in self.known:
            labels = labels_in_turn(generator.labels, self.n)
            sounds = made(generator, row, labels)
            self._add(row.name, sounds.split(1), labels if row.labelled else [{}] * self.n)
        return row.name

    def _add(self, name: str, waves: Sequence[Wave], labels: Sequence[dict[str, str]]) -> None:
        found = heard(self.judge, waves, labels)
        result = evaluate_sets("judge", self.reference, found, self.train)
        spread, mos = Counter(found.guesses["digit"]), opinion(waves[:N_OPINIONS], self.judge)
        row = scored(name, result.generated, spread, mos)
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        self.console.print(f"{name}: {row['right']}, {row['scores']}")
        self.known[name] = row


def labels_in_turn(labels: Any, n: int) -> list[dict[str, str]]:
    """All pairs of digit and speaker, again and again."""
    digits, speakers = labels["digit"], labels["speaker"]
    pairs = [{"digit": digit, "speaker": speaker} for digit in digits for speaker in speakers]
    # 7 has no divisor in common with the number of pairs, so that any n is even in both.
    return [pairs[7 * i % len(pairs)] for i in range(n)]


def made(generator: Generator, row: Row, labels: Sequence[dict[str, str]]) -> Wave:
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


def opinion(waves: Sequence[Wave], judge: SoundClassifier) -> float | None:
    """The mean DNSMOS of sounds, each (1, samples), where it is defined; None if it never is."""
    rate = judge.sample_rate
    found = (METRICS["dnsmos"].function(wave[0].numpy(), wave[0].numpy(), rate) for wave in waves)
    defined = [score for score in found if math.isfinite(score)]
    return statistics.mean(defined) if defined else None


def scored(name: str, scores: SetScores, spread: Counter[str], mos: float | None) -> dict[str, Any]:
    """A row as its file holds it."""
    return {
        "name": name,
        "clips": scores.n_clips,
        "scores": scores.scores,
        "right": {kind: accuracy.share for kind, accuracy in scores.accuracy.items()},
        "nearest": {other: distance.median for other, distance in scores.nearest.items()},
        "dnsmos": mos,
        "digits": dict(spread),
    }


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

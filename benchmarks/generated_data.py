"""Measures what generated clips add to recordings that a classifier learns from, as a table.

OUT is the folder of `recipes/augmentation/run.sh`: shares of the training recordings of spoken
digits, and clips made for each. A small classifier is trained on a share alone, and on it with a
set of clips that a set of changes or a model made, by the same number of steps; its accuracy on the
test recordings is what counts. Sets that are not there, or too small, have no rows. OUT/rows.jsonl
keeps finished runs; an interrupted command continues from them.

    python benchmarks/generated_data.py OUT 5 10 50 100
"""

import itertools
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

import torch
import typer
from rich.console import Console
from script import machine, run_script

from audiodiff import AudiodiffError
from audiodiff.audio import io
from audiodiff.data.corpus import clips_of, read_ids
from audiodiff.data.labelled import TABLE_NAME, Table, read_table, write_table
from audiodiff.metrics.summary import summarize
from audiodiff.pipelines.sound_classifier import SoundClassifier
from audiodiff.system.atomic import replacing
from audiodiff.system.documents import read_json_lines
from audiodiff.training.config import read_train_config
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

CONFIG = Path(__file__).resolve().parents[1] / "recipes" / "augmentation" / "classifier.toml"
KIND = "digit"
"""The kind of label whose accuracy counts."""

ALONE = "recordings alone"
SETS = {
    "and as many changed copies": ("classical-{}", 1),
    "and five times as many changed copies": ("classical-{}", 5),
    "and as many clips of the model of all recordings": ("generated", 1),
    "and five times as many clips of the model of all recordings": ("generated", 5),
    "and as many clips of a model of these recordings": ("own-{}", 1),
    "and five times as many clips of a model of these recordings": ("own-{}", 5),
}
"""The folder in OUT of each set of clips, and the number of clips for each recording."""


class Row(NamedTuple):
    """What a classifier is trained on.

    Attributes:
        name: What the table calls it.
        percent: The share of the recordings.
        folders: Folders of clips: the recordings, and those beside them.
    """

    name: str
    percent: str
    folders: tuple[Path, ...]


def rows_of(out: Path, percents: Sequence[str]) -> Iterator[Row]:
    """Every row, those of small shares first."""
    for percent in percents:
        recordings = out / f"share-{percent}"
        if not (recordings / "train.txt").is_file():
            raise AudiodiffError(f"{recordings} is missing; run the recipe's stage shares first")
        yield Row(ALONE, percent, (recordings,))
        for name, (place, times) in SETS.items():
            made = out / place.format(percent)
            chosen = first_of(made, recordings, times)
            if chosen:
                folder = out / "sets" / f"{made.name}-{times}-for-{percent}"
                write_set(made, chosen, folder)
                yield Row(name, percent, (recordings, folder))


def first_of(made: Path, recordings: Path, times: int) -> dict[str, Mapping[str, str]]:
    """The labels of a number of made clips for each recording, the first of each class.

    Returns:
        The labels by id; none if there are too few clips.
    """
    own, wanted = read_table([recordings]), Counter[tuple[str, ...]]()
    for id_ in read_ids(recordings / "train.txt"):
        wanted[tuple(own[id_].values())] += times
    chosen = {}
    for id_, labels in read_table([made]).items():
        if wanted[tuple(labels.values())] > 0:
            wanted[tuple(labels.values())] -= 1
            chosen[id_] = labels
    return {} if wanted.total() else chosen


def write_set(made: Path, chosen: Table, folder: Path) -> None:
    """Writes a folder of chosen clips, from which none are held out; sound is not copied."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "wavs").is_symlink():
        (folder / "wavs").symlink_to(os.path.relpath(made, folder))
    write_table(folder / TABLE_NAME, chosen)
    for name, ids in (("train", list(chosen)), ("dev", [])):
        with replacing(folder / f"{name}.txt") as temporary:
            temporary.write_text("".join(f"{id_}\n" for id_ in ids), encoding="utf-8")


def accuracy(row: Row, prepared: Path, seed: int, settings: Sequence[str]) -> float:
    """The share of test recordings whose digit a new classifier tells."""
    config = read_train_config(CONFIG, [*settings, f"seed={seed}"])
    with TemporaryDirectory() as name:
        run = Path(name)
        train(config, row.folders, run, stop=Stop(), resume=False, say=lambda line: None)
        judge = SoundClassifier.from_pretrained(run / "model")
    table, right = read_table([prepared]), 0
    tested = clips_of(prepared, "test")
    for id_, path in tested.items():
        wave = torch.from_numpy(io.load(path, judge.sample_rate)[0])[None]
        guess = int(judge.probabilities(wave)[KIND].argmax())
        right += judge.labels[KIND][guess] == table[id_][KIND]
    return right / len(tested)


def table_of(results: Sequence[dict[str, Any]], percents: Sequence[str]) -> str:
    """Mean accuracy in per cent and its 95 % interval over seeds, by row and share."""
    lines = [f"| learned from | {' | '.join(f'{p} %' for p in percents)} |"]
    lines.append("|---" * (1 + len(percents)) + "|")
    for name in (ALONE, *SETS):
        cells = []
        for percent in percents:
            found = [
                100 * row["right"]
                for row in results
                if (row["name"], row["percent"]) == (name, percent)
            ]
            spread = summarize(found)
            ends = "" if spread.interval is None else f" ± {spread.interval:.1f}"
            cells.append("-" if spread.mean is None else f"{spread.mean:.1f}{ends} ({len(found)})")
        if set(cells) != {"-"}:
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(
    out: Annotated[Path, typer.Argument(help="Folder of recipes/augmentation/run.sh.")],
    percents: Annotated[list[str], typer.Argument(help="Shares of the recordings, in per cent.")],
    seeds: Annotated[int, typer.Option(help="Number of classifiers of each row.", min=1)] = 5,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Setting that overrides classifier.toml; may be repeated."),
    ] = None,
) -> None:
    """Train all classifiers; the same command resumes an interrupted run."""
    path, console, settings = out / "rows.jsonl", Console(stderr=True), set_ or []
    results = [row for row in read_json_lines(path) if row["settings"] == settings]
    done = {(row["name"], row["percent"], row["seed"]) for row in results}
    rows = list(rows_of(out, percents))
    for seed, row in itertools.product(range(seeds), rows):
        key = {"name": row.name, "percent": row.percent, "seed": seed}
        if tuple(key.values()) not in done:
            right = accuracy(row, out / "prepared", seed, settings)
            results.append({**key, "settings": settings, "right": right})
            with path.open("a") as file:
                file.write(json.dumps(results[-1]) + "\n")
            console.print(results[-1])
    n_test = len(clips_of(out / "prepared", "test"))
    text = (
        f"Right digit in per cent of {n_test} test recordings; mean and 95 % interval over "
        f"classifiers that differ in their seed, (n) of them; {machine()}.\n\n"
        f"{table_of(results, percents)}\n"
    )
    print(text)
    with replacing(out / "generated-data.md") as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run_script(main)

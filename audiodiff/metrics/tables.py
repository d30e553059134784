"""Evaluations as tables for the terminal."""

import math

from rich.table import Table
from rich.text import Text

from audiodiff.metrics.bits import ESTIMATES, BitsEvaluation
from audiodiff.metrics.distributions import SET_METRICS
from audiodiff.metrics.evaluate import Evaluation
from audiodiff.metrics.registry import METRICS
from audiodiff.metrics.sets import Distance, SetEvaluation
from audiodiff.metrics.summary import Summary

_COLUMNS = 8
"""Metrics that stand side by side in a terminal of 80 columns."""


def summary_table(evaluation: Evaluation) -> Table:
    """One row per metric: the mean with its 95 % confidence interval, and the number of files."""
    resampled = sum(file.resampled_from is not None for file in evaluation.files)
    table = Table(
        caption=f"outputs resampled to their reference's rate: {resampled}" if resampled else None
    )
    table.add_column("metric")
    table.add_column("mean ± 95 %", justify="right")
    table.add_column("unit")
    table.add_column("better")
    table.add_column("files", justify="right")
    n_pairs = len(evaluation.files) + len(evaluation.failed)
    for name, summary in evaluation.summary.items():
        metric = METRICS[name]
        table.add_row(
            name,
            _with_interval(summary),
            metric.unit,
            metric.better,
            f"{summary.n_files} of {n_pairs}",
        )
    return table


def file_tables(evaluation: Evaluation) -> list[Table]:
    """One row per scored file, a dash where a metric is undefined; eight metrics to a table."""
    names = list(evaluation.summary)
    parts = [names[i : i + _COLUMNS] for i in range(0, len(names), _COLUMNS)]
    return [_file_table(evaluation, part) for part in parts]


def remarks(evaluation: Evaluation) -> list[str]:
    """Lines on files left alone, metrics not defined everywhere or left out, and failures."""
    alone = (
        ("references without an output", evaluation.references_without_output),
        ("outputs without a reference", evaluation.outputs_without_reference),
    )
    lines = [f"{len(names)} {what}: {', '.join(names)}" for what, names in alone if names]
    n_files = len(evaluation.files)
    lines += [
        f"{name} is not defined for {n_files - summary.n_files} of {n_files} files: "
        f"{METRICS[name].undefined}"
        for name, summary in evaluation.summary.items()
        if summary.n_files < n_files and name not in evaluation.left_out
    ]
    lines += [f"{name} is left out: {reason}" for name, reason in evaluation.left_out.items()]
    return lines + [f"failed: {name}: {reason}" for name, reason in evaluation.failed.items()]


def _file_table(evaluation: Evaluation, names: list[str]) -> Table:
    table = Table()
    table.add_column("file", overflow="fold")
    for name in names:
        # On two lines, to fit a terminal of 80 columns.
        table.add_column(name.replace("_", "\n"), justify="right", no_wrap=True)
    for file in evaluation.files:
        table.add_row(Text(file.name), *(_number(file.scores[name]) for name in names))
    return table


def set_table(evaluation: SetEvaluation) -> Table:
    """One row per metric, with a column for the generated sounds and for each set of recordings."""
    sets = {"generated": evaluation.generated, "reference": evaluation.reference}
    sets |= {} if evaluation.train is None else {"train": evaluation.train}
    table = Table(caption=f"encoder: {evaluation.encoder}, {evaluation.n_features} features")
    table.add_column("metric")
    table.add_column("better")
    for name, clips in sets.items():
        table.add_column(f"{name}\n({clips.n_clips} clips)", justify="right")
    for kind in dict.fromkeys(kind for clips in sets.values() for kind in clips.accuracy):
        found = [clips.accuracy.get(kind) for clips in sets.values()]
        shares = [None if accuracy is None else accuracy.share for accuracy in found]
        table.add_row(Text(f"{kind} accuracy"), "higher", *map(_number, shares))
    for name, metric in SET_METRICS.items():
        scores = [clips.scores.get(name) for clips in sets.values()]
        table.add_row(name, metric.better, *map(_number, scores))
    for name in sets if evaluation.train is not None else ("reference",):
        if name != "generated":
            distances = [clips.nearest.get(name) for clips in sets.values()]
            table.add_row(f"nearest {name} clip", "", *map(_distance, distances))
    return table


def set_remarks(evaluation: SetEvaluation) -> list[str]:
    """Lines on how to read the table, metrics that are left out or unreliable, and failures."""
    lines = (
        [
            "nearest: median distance, and the least; generated clips that are much nearer to "
            "the training clips than the reference is repeat them"
        ]
        if evaluation.train
        else []
    )
    for name, clips in (("generated", evaluation.generated), ("reference", evaluation.reference)):
        if clips.n_clips <= evaluation.n_features:
            lines.append(
                f"{name} holds {clips.n_clips} clips, no more than the encoder has features "
                f"({evaluation.n_features}): frechet is too great; give more"
            )
    if not evaluation.generated.accuracy:
        lines.append(
            "accuracy is left out: no generated clip has a label; add a labels.csv to their folder"
        )
    lines += [f"{name} is left out: {reason}" for name, reason in evaluation.left_out.items()]
    return lines + [f"failed: {path}: {reason}" for path, reason in evaluation.failed.items()]


def bits_tables(evaluation: BitsEvaluation) -> list[Table]:
    """A row for each clip with the errors of its figures; then the means over clips."""
    clips = Table()
    clips.add_column("file", overflow="fold")
    clips.add_column("labels")
    for name in ESTIMATES:
        clips.add_column(name, justify="right", no_wrap=True)
    for clip in evaluation.clips:
        found = (getattr(clip, name) for name in ESTIMATES)
        values = (f"{value.mean:.3f} ± {value.error:.3f}" for value in found)
        clips.add_row(Text(clip.name), Text(", ".join(clip.labels.values())), *values)
    shift = (
        f"; of its state {math.log2(evaluation.scale):.3f} less" if evaluation.scale != 1 else ""
    )
    means = Table(caption=f"bits per number of the {evaluation.quantity}{shift}")
    means.add_column("estimate")
    means.add_column("mean ± 95 %", justify="right")
    means.add_column("clips", justify="right")
    for estimate, summary in evaluation.summary.items():
        means.add_row(estimate, _with_interval(summary), f"{summary.n_files}")
    return [clips, means]


def bits_remarks(evaluation: BitsEvaluation) -> list[str]:
    """Lines on how to read the tables, and failures."""
    return [
        "flow: by the probability flow; bound: by the variational bound; fewer bits are more usual",
        *(f"failed: {path}: {reason}" for path, reason in evaluation.failed.items()),
    ]


def _with_interval(summary: Summary) -> str:
    interval = "" if summary.interval is None else f" ± {summary.interval:.3f}"
    return _number(summary.mean) + interval


def _distance(distance: Distance | None) -> str:
    return "-" if distance is None else f"{distance.median:.3f} ({distance.least:.3f})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

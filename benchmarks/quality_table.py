"""A Markdown table of several `audiodiff evaluate --json` files: mean and 95 % interval."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.metrics.evaluate import METRICS, Evaluation, Summary


def cell(summary: Summary) -> str:
    """Mean and interval, as far as they are defined."""
    if summary.mean is None:
        return "-"
    interval = "" if summary.interval is None else f" ± {summary.interval:.3f}"
    return f"{summary.mean:.3f}{interval}"


def main(
    files: Annotated[list[Path], typer.Argument(help="JSON files; their names are the rows.")],
) -> None:
    """Prints one row per file, named after its folder and stem."""
    units = [f"{name} ({metric.unit})" if metric.unit else name for name, metric in METRICS.items()]
    print("| system | clips | " + " | ".join(units) + " |")
    print("|---|---|" + "---|" * len(METRICS))
    for path in files:
        result = Evaluation.model_validate_json(path.read_bytes())
        cells = [cell(result.summary[name]) for name in METRICS]
        print(f"| {path.stem} | {len(result.files)} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    typer.run(main)

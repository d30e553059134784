"""Loss curves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curves_figure(records: Sequence[dict[str, Any]]) -> "Figure":
    """Training and dev loss against the step, from the records of a run's log."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axis = figure.subplots()
    spectral = {name for record in records for name in record if name.startswith("dev/spectral")}
    for name in ("train/loss", "dev/loss", *sorted(spectral)):
        points = [(record["step"], record[name]) for record in records if name in record]
        if points:
            # A single point makes no line.
            marker = "o" if len(points) == 1 else None
            axis.plot(*zip(*points, strict=True), label=name, marker=marker)
            axis.set_yscale("log")
    axis.set(xlabel="step", ylabel="loss")
    axis.grid(alpha=0.3, which="both")
    if axis.lines:
        axis.legend()
    return figure

"""Plots of the times found."""

from typing import TYPE_CHECKING

import torch

from audiodiff._types import Schedule
from audiodiff.diffusion.times import log_snr
from audiodiff.model.found import FoundTimes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def times_figure(schedule: Schedule, found_times: FoundTimes) -> "Figure":
    """Plots the times of each run as log-SNR, and PESQ against the number of steps.

    Args:
        schedule: Noise schedule of the model.
        found_times: Times found, by sampler and number of steps.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for sampler in sorted({name for name, _ in found_times}):
        found = [found_times[key] for key in sorted(found_times) if key[0] == sampler]
        for run in found:
            times = torch.tensor(run.times[:-1], dtype=torch.float64)
            # A time without signal has no log-SNR; it is drawn at the nearest that has some.
            levels = log_snr(schedule, times.clamp(max=1 - schedule.t_min))
            label = f"{sampler}, {run.n_steps}"
            left.plot(levels, [run.n_steps] * len(levels), "o-", label=label, alpha=0.7)
        heard = [(run.n_steps, run.pesq_wb) for run in found if run.pesq_wb is not None]
        if heard:
            right.plot(*zip(*heard, strict=True), "o-", label=sampler)
    left.set(xlabel="log-SNR at the calls of the network", ylabel="steps")
    right.set(xlabel="steps", ylabel="PESQ")
    for axis in (left, right):
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend(fontsize="small")
    return figure

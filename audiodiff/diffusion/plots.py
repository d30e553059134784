"""Pictures of a schedule and the times of a run."""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Schedule
from audiodiff.diffusion.times import log_snr

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run_figure(schedule: Schedule, times: Float[Tensor, " times"]) -> "Figure":
    """The log-SNR of a schedule over time, with the times at which a run calls the network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), layout="constrained")
    axis = figure.subplots()
    # At a time without signal, which has no level, the nearest time that has one is drawn.
    grid = torch.linspace(schedule.t_min, 1 - schedule.t_min, 200, dtype=torch.float64)
    axis.plot(grid, log_snr(schedule, grid), color="grey")
    calls = times[:-1].clamp(max=1 - schedule.t_min)
    axis.plot(calls, log_snr(schedule, calls), "o")
    axis.set(xlabel="time, from data to noise", ylabel="log-SNR")
    axis.grid(alpha=0.3)
    return figure

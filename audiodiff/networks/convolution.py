"""Convolutions over time that are fast on a CPU."""

from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

Features: TypeAlias = Float[Tensor, "batch channels 1 steps"]
"""Features of waveform networks, as images of one row."""

Made: TypeAlias = Float[Tensor, "batch new_channels 1 new_steps"]
"""Features with another number of channels or at another rate than the input."""

Weight: TypeAlias = Float[Tensor, "new_channels channels size"]
Bias: TypeAlias = Float[Tensor, " new_channels"]


class RowConv(nn.Conv1d):
    """A 1-D convolution over images of one row, with the weights of `torch.nn.Conv1d`.

    torch stores 1-D features channel by channel. A CPU multiplies them faster step by step, many
    times faster in bfloat16, and only 2-D features can be stored that way.
    """

    def forward(self, x: Features) -> Made:
        """(batch, in_channels, 1, steps) to (batch, out_channels, 1, steps)."""
        return self._apply_to(x, self.weight, self.bias)

    def halves(self, x: Features) -> tuple[Made, Made]:
        """The first and the second half of the output's channels.

        On a CPU each half is contiguous in memory, so that later operations on it are several
        times as fast.
        """
        if x.device.type != "cpu":
            one, other = self(x).chunk(2, 1)
            return one, other
        assert self.bias is not None, "the convolutions of waveform networks have one"
        parts = zip(self.weight.chunk(2), self.bias.chunk(2), strict=True)
        one, other = (self._apply_to(x, weight, bias) for weight, bias in parts)
        return one, other

    def _apply_to(self, x: Features, weight: Weight, bias: Bias | None) -> Made:
        padding = int(self.padding[0])
        if self.padding_mode != "zeros":
            x, padding = F.pad(x, (padding, padding, 0, 0), self.padding_mode), 0
        return F.conv2d(x, weight[:, :, None], bias, 1, (0, padding), (1, self.dilation[0]))


def as_rows(x: Float[Tensor, "batch channels steps"]) -> Features:
    """Features in the layout of `RowConv`: on a CPU, step by step."""
    rows = x[:, :, None]
    return rows.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else rows

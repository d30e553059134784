"""Convolutions over time that a CPU does fast."""

from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

Features: TypeAlias = Float[Tensor, "batch channels 1 steps"]
"""What waveform networks hand on, as pictures of one row."""

Made: TypeAlias = Float[Tensor, "batch new_channels 1 new_steps"]
"""Features of other channels or at another rate than those given."""

Weight: TypeAlias = Float[Tensor, "new_channels channels size"]
Bias: TypeAlias = Float[Tensor, " new_channels"]


class RowConv(nn.Conv1d):
    """A 1-D convolution, weights and all, of pictures of one row.

    torch keeps 1-D features channel after channel. A CPU multiplies them faster step after step, in
    bfloat16 many times, and two dimensions are the only way to ask for that.
    """

    def forward(self, x: Features) -> Made:
        """(batch, in_channels, 1, steps) to (batch, out_channels, 1, steps)."""
        return self._apply_to(x, self.weight, self.bias)

    def halves(self, x: Features) -> tuple[Made, Made]:
        """Half of the output's channels and the other half.

        On a CPU each has a place of its own: what comes after runs over it without a gap, several
        times as fast.
        """
        if x.device.type != "cpu":
            one, other = self(x).chunk(2, 1)
            return one, other
        assert self.bias is not None, "the waveform networks' have one"
        parts = zip(self.weight.chunk(2), self.bias.chunk(2), strict=True)
        one, other = (self._apply_to(x, weight, bias) for weight, bias in parts)
        return one, other

    def _apply_to(self, x: Features, weight: Weight, bias: Bias | None) -> Made:
        padding = int(self.padding[0])
        if self.padding_mode != "zeros":
            x, padding = F.pad(x, (padding, padding, 0, 0), self.padding_mode), 0
        return F.conv2d(x, weight[:, :, None], bias, 1, (0, padding), (1, self.dilation[0]))


def as_rows(x: Float[Tensor, "batch channels steps"]) -> Features:
    """Features as `RowConv` takes them, step after step on a CPU."""
    rows = x[:, :, None]
    return rows.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else rows

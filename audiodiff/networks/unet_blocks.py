"""The blocks of a U-Net."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from audiodiff._types import Labels, Times
from audiodiff.conditioning.parts import OPEN
from audiodiff.networks.attention import Attended, CrossAttention, RMSNorm, WindowAttention, closed

Grid: TypeAlias = Float[Tensor, "batch channels *grid"]
"""Features of every frame, or of every band and frame."""

Made: TypeAlias = Float[Tensor, "batch new_channels *grid"]
"""Features with another number of channels than the input."""

Embedded: TypeAlias = Float[Tensor, "batch width"]
"""Features of the noise level and the labels, which modulate every block."""

HEAD = 32
"""Channels of a head of attention, of which every width is a multiple."""

RATES = (1 / 16, 8)
"""Least and greatest rate of the noise level's embedding, in radians per unit of log-SNR."""

N_RATES = 32


class Asked(NamedTuple):
    """The features of a condition.

    Attributes:
        labels: Embeddings of the labels and of the text, which are added to the noise level's.
        frames: What is added to the input.
        tokens: What attention looks at, by part.
    """

    labels: Sequence[Embedded]
    frames: Sequence[Grid]
    tokens: Mapping[str, Attended]


def conv(n_dims: int, n_in: int, n_out: int, size: int = 3, stride: int = 1) -> nn.Module:
    """A convolution over frames (1 axis), or over bands and frames (2)."""
    kind = {1: nn.Conv1d, 2: nn.Conv2d}[n_dims]
    return kind(n_in, n_out, size, stride, padding=size // 2)


class LevelEmbedding(nn.Sequential):
    """Features of the noise level: sines and cosines of the log-SNR, and two layers."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(2 * N_RATES, width), nn.SiLU(), nn.Linear(width, width))
        low, high = (math.log(rate) for rate in RATES)
        self.register_buffer("rates", torch.linspace(low, high, N_RATES).exp(), persistent=False)

    def forward(self, level: Times) -> Embedded:
        """The features of a log-SNR, in the type of the weights."""
        rates = self.get_buffer("rates")
        angles = level.to(rates)[:, None] * rates
        features: Embedded = super().forward(torch.cat([angles.sin(), angles.cos()], 1))
        return features


class EndEmbedding(LevelEmbedding):
    """Features of the level at the end of the step; none before training."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        closed(self[-1])


class LabelEmbedding(nn.Embedding):
    """A vector for each class; zeros for an item whose class is open."""

    def forward(self, label: Labels) -> Embedded:
        """The vector of each item's class."""
        vectors: Embedded = super().forward(label.clamp(min=0))
        return torch.where(label[:, None] == OPEN, 0.0, vectors)


class Block(nn.Module):
    """A residual block, ``x + conv(silu(norm(conv(silu(norm(x)))) (1 + scale) + shift))``.

    Scale and shift are a linear function of the noise level and the labels (arXiv:2105.05233).
    """

    def __init__(self, n_dims: int, n_in: int, n_out: int, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([RMSNorm(n_in), RMSNorm(n_out)])
        self.convs = nn.ModuleList([conv(n_dims, n_in, n_out), closed(conv(n_dims, n_out, n_out))])
        self.modulation = nn.Linear(width, 2 * n_out)
        self.shortcut = nn.Identity() if n_in == n_out else conv(n_dims, n_in, n_out, 1)

    def forward(self, x: Grid, embedded: Embedded) -> Made:
        """The features with n_out channels."""
        modulation = self.modulation(embedded)
        scale, shift = modulation.view(*modulation.shape, *[1] * (x.ndim - 2)).chunk(2, 1)
        h = self.convs[0](F.silu(self.norms[0](x)))
        h = self.convs[1](F.silu(self.norms[1](h) * (1 + scale) + shift))
        return self.shortcut(x) + h


class Attention(nn.Module):
    """Attention of a level to itself and to the condition's tokens."""

    def __init__(
        self, n_channels: int, window: int, shifted: bool, tokens: Mapping[str, int]
    ) -> None:
        super().__init__()
        n_heads = n_channels // HEAD
        self.norm = RMSNorm(n_channels)
        self.within = WindowAttention(n_channels, n_heads, window, shifted)
        self.across = nn.ModuleDict(
            {part: CrossAttention(n_channels, size, n_heads) for part, size in tokens.items()}
        )

    def forward(self, x: Grid, tokens: Mapping[str, Attended]) -> Grid:
        """The features with what was gathered added."""
        # Frame by frame, so that a window is a stretch of time with all of its bands.
        steps = self.norm(x).flatten(2) if x.ndim == 3 else self.norm(x).mT.flatten(2)
        steps = steps.mT
        gathered = self.within(steps)
        for part, attend in self.across.items():
            if part in tokens:
                gathered = gathered + attend(steps, tokens[part])
        if x.ndim == 3:
            return x + gathered.mT
        return x + gathered.mT.unflatten(2, (x.shape[3], x.shape[2])).mT

"""A classifier of states at any noise level: the falling half of a U-Net, and a pool."""

import math
from typing import TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field, field_validator
from torch import Tensor, nn

from audiodiff._types import State, Times
from audiodiff.config import Config, Size, Width
from audiodiff.networks.attention import RMSNorm
from audiodiff.networks.unet_blocks import HEAD, Attention, Block, LevelEmbedding, conv

Vectors: TypeAlias = Float[Tensor, "batch width"]
"""Features of whole sounds, or logits of classes."""

N_POOLS = 8
"""Weighted means over time that the pool joins; each looks where it will."""


class ClassifierSizes(Config):
    """The sizes of a classifier that do not follow from what it classifies.

    Attributes:
        widths: Channels of each level, from the top; every level has half the frames of the one
            above.
        n_blocks: Residual blocks of a level.
        n_attention: Number of levels with attention, from the lowest.
        window: Number of frames that attend to each other, as in `WindowAttention`.
        n_features: Length of the vector of features from which the classes are read.
    """

    widths: tuple[Width, ...] = Field(default=(64, 96, 128), min_length=1, max_length=8)
    n_blocks: int = Field(default=2, ge=1, le=16)
    n_attention: int = Field(default=1, ge=0, le=8)
    window: Size = 256
    n_features: Width = 128

    @field_validator("widths")
    @classmethod
    def _fit(cls, widths: tuple[int, ...]) -> tuple[int, ...]:
        if odd := [width for width in widths if width % HEAD]:
            raise ValueError(f"widths holds {odd[0]}, which is no multiple of {HEAD}")
        return widths


class ClassifierNetConfig(ClassifierSizes):
    """The sizes of a classifier.

    Attributes:
        shape: Sizes of the state's axes between batch and time: (80,) for a mel of 80 bands.
        n_labels: Number of classes of each kind of label, by its name.
    """

    shape: tuple[Size, ...] = Field(default=(80,), max_length=2)
    n_labels: dict[str, Size] = Field(min_length=1, max_length=16)

    def build(self) -> "ClassifierNet":
        """The network with new weights."""
        return ClassifierNet(self)


class ClassifierNet(nn.Module):
    """Features and classes of a noisy state (arXiv:2105.05233, section 4).

    Convolutions run over frames, with bands as channels, at falling rates, as those of a U-Net do.
    Weighted means over time, with learned weights, make one vector of any number of frames.

    Examples:
        >>> network = ClassifierNet(ClassifierNetConfig(widths=(32, 64), n_labels={"digit": 10}))
        >>> logits = network(torch.zeros(3, 80, 51), torch.zeros(3))
        >>> logits["digit"].shape
        torch.Size([3, 10])
    """

    def __init__(self, config: ClassifierNetConfig) -> None:
        super().__init__()
        self.config = config
        widths, width = config.widths, 2 * config.widths[0]
        levels = [level for level in range(len(widths)) for _ in range(config.n_blocks)]
        before = [widths[level] for level in (0, *levels[:-1])]
        first_attention = len(widths) - config.n_attention
        self.embedding = LevelEmbedding(width)
        self.input = conv(1, math.prod(config.shape), widths[0])
        self.blocks = nn.ModuleList(
            Block(1, n_in, widths[level], width) for level, n_in in zip(levels, before, strict=True)
        )
        self.attention = nn.ModuleDict(
            {
                str(i): Attention(widths[level], config.window, i % 2 == 1, {})
                for i, level in enumerate(levels)
                if level >= first_attention
            }
        )
        self.shrink = nn.ModuleList(conv(1, n, n, stride=2) for n in widths[:-1])
        self.norm = RMSNorm(widths[-1])
        self.weights = nn.Conv1d(widths[-1], N_POOLS, 1)
        self.pooled = nn.Linear(widths[-1] * N_POOLS, config.n_features)
        self.classes = nn.ModuleDict(
            {kind: nn.Linear(config.n_features, size) for kind, size in config.n_labels.items()}
        )

    @property
    def layers(self) -> nn.ModuleList:
        """All layers between the input and the pool."""
        return nn.ModuleList([self.blocks, self.attention, self.shrink])

    def features(self, x_t: State, level: Times) -> Vectors:
        """One vector for each item.

        Args:
            x_t: The states.
            level: The log-SNR of each.
        """
        embedded = F.silu(self.embedding(level))
        x = x_t.flatten(1, -2) if x_t.ndim > 2 else x_t[:, None]
        x = F.pad(x, (0, -x.shape[-1] % 2 ** len(self.shrink)), mode="replicate")
        h = self.input(x)
        for i, block in enumerate(self.blocks):
            if i and i % self.config.n_blocks == 0:
                h = self.shrink[i // self.config.n_blocks - 1](h)
            h = block(h, embedded)
            if str(i) in self.attention:
                h = self.attention[str(i)](h, {})
        h = F.silu(self.norm(h))
        weights = self.weights(h).softmax(-1)
        return self.pooled(torch.einsum("bcf,bpf->bpc", h, weights).flatten(1))

    def forward(self, x_t: State, level: Times) -> dict[str, Vectors]:
        """The logits of the classes of each kind of label."""
        features = F.silu(self.features(x_t, level))
        return {kind: layer(features) for kind, layer in self.classes.items()}

"""Attention over the steps of a sequence, in windows, with memory linear in the length."""

import math
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

Sequences: TypeAlias = Float[Tensor, "batch steps channels"]
"""Features of every step."""

Tokens: TypeAlias = Float[Tensor, "batch _ _"]
"""Features of what is attended to from outside, such as words: (batch, tokens, width)."""

Present: TypeAlias = Bool[Tensor, "batch _"]
"""Which tokens of each item there are: (batch, tokens)."""

Channels: TypeAlias = Float[Tensor, "batch channels *rest"]

Heads: TypeAlias = Float[Tensor, "batch heads steps head_width"]


class Attended(NamedTuple):
    """What is attended to from outside.

    Attributes:
        tokens: Its features.
        present: Which of them there are, the others being padding; None for all.
    """

    tokens: Tokens
    present: Present | None = None


class RMSNorm(nn.Module):
    """``x / sqrt(mean x^2) gain``, over the channels of each position (arXiv:1910.07467).

    Unlike a group norm it uses one position at a time, so the result elsewhere depends neither on
    the length of a sound nor on its padding.
    """

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(n_channels))

    def forward(self, x: Channels) -> Channels:
        """The normalised features."""
        power = x.float().square().mean(1, keepdim=True)
        gain = self.gain.view(-1, *[1] * (x.ndim - 2))
        return x * ((power + 1e-6).rsqrt() * gain).to(x.dtype)


class WindowAttention(nn.Module):
    """Self-attention within windows of consecutive steps, with rotary positions (arXiv:2104.09864).

    Every second layer of a stack shifts its windows by half their length, so that neighbouring
    windows know of each other (arXiv:2103.14030). A sequence no longer than a window is attended
    to as a whole.

    Args:
        n_channels: Channels of the features.
        n_heads: Number of heads.
        window: Steps of a window.
        shifted: Whether the windows are shifted by half their length.
    """

    def __init__(self, n_channels: int, n_heads: int, window: int, shifted: bool = False) -> None:
        super().__init__()
        self.n_heads, self.window = n_heads, window
        self.shift = window // 2 if shifted else 0
        self.queries_keys_values = nn.Linear(n_channels, 3 * n_channels)
        self.output = closed(nn.Linear(n_channels, n_channels))

    def forward(self, x: Sequences) -> Sequences:
        """What the steps of each window gather from each other, in the shape of x."""
        n_steps = x.shape[1]
        window, before = (n_steps, 0) if n_steps <= self.window else (self.window, self.shift)
        after = -(n_steps + before) % window
        padded = F.pad(x, (0, 0, before, after)).unflatten(1, (-1, window)).flatten(0, 1)
        queries, keys, values = (
            heads(part, self.n_heads) for part in self.queries_keys_values(padded).chunk(3, -1)
        )
        mask = _inside(n_steps, before, after, window, x) if before or after else None
        made = F.scaled_dot_product_attention(rotated(queries), rotated(keys), values, mask)
        joined = self.output(made.transpose(1, 2).flatten(2)).view(len(x), -1, x.shape[2])
        return joined[:, before : before + n_steps]


class CrossAttention(nn.Module):
    """Attention from every step to tokens, such as the bytes of a text.

    One more token, of zeros, is always there, so that a step need not gather anything, and an item
    without tokens is as it would be without this layer.

    Args:
        n_channels: Channels of the features.
        width: Width of the tokens.
        n_heads: Number of heads.
    """

    def __init__(self, n_channels: int, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.queries = nn.Linear(n_channels, n_channels)
        self.keys_values = nn.Linear(width, 2 * n_channels)
        self.output = closed(nn.Linear(n_channels, n_channels, bias=False))

    def forward(self, x: Sequences, attended: Attended) -> Sequences:
        """What the steps gather from the tokens, in the shape of x."""
        queries = heads(self.queries(x), self.n_heads)
        keys, values = (
            F.pad(heads(part, self.n_heads), (0, 0, 1, 0))
            for part in self.keys_values(attended.tokens).chunk(2, -1)
        )
        mask = None
        if attended.present is not None:
            mask = F.pad(attended.present, (1, 0), value=True)[:, None, None]
        made = F.scaled_dot_product_attention(queries, keys, values, mask)
        return self.output(made.transpose(1, 2).flatten(2))


def closed(layer: nn.Module) -> nn.Module:
    """A layer whose output is zero before training."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def heads(x: Sequences, n_heads: int) -> Heads:
    """The channels of each step, shared among heads."""
    return x.unflatten(-1, (n_heads, -1)).transpose(1, 2)


def _inside(
    n_steps: int, before: int, after: int, window: int, like: Sequences
) -> Bool[Tensor, "windows 1 1 window"]:
    """Which steps of each window are not padding; a window of every item of the batch."""
    inside = torch.ones(n_steps, dtype=torch.bool, device=like.device)
    windows = F.pad(inside, (before, after)).view(-1, 1, 1, window)
    return windows.repeat(len(like), 1, 1, 1)


def rotated(x: Heads) -> Heads:
    """Turns pairs of features by angles linear in the step, so that products depend on distance."""
    n_steps, width = x.shape[-2:]
    half = width // 2
    rates = torch.exp(-math.log(1e4) * torch.arange(half, device=x.device) / half)
    angles = torch.arange(n_steps, device=x.device)[:, None] * rates
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    one, other = x[..., :half], x[..., half:]
    return torch.cat([one * cos - other * sin, one * sin + other * cos], -1)

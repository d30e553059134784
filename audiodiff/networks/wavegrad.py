"""WaveGrad (arXiv:2009.00713): a U-net from the noisy wave to the mel's rate and back."""

import math
from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from audiodiff._types import Condition, Schedule, Times, Wave
from audiodiff.config import Width
from audiodiff.networks.contract import MAX_FACTOR, NetworkConfig
from audiodiff.networks.convolution import Features, Made, RowConv, as_rows

Modulation = tuple[Float[Tensor, "batch modulated 1 rate"], Float[Tensor, "batch modulated 1 rate"]]
"""The shift and the scale of features."""

SLOPE = 0.2
"""Slope of the leaky ReLUs below zero."""

UP_CHANNELS = (16, 16, 8, 4, 4)
DOWN_CHANNELS = (1, 4, 4, 8, 16)
MEL_CHANNELS = 24
UP_DILATIONS = ((1, 2, 1, 2), (1, 2, 1, 2), (1, 2, 4, 8), (1, 2, 4, 8), (1, 2, 4, 8))
DOWN_DILATIONS = (1, 2, 4)
"""Channels in units of the base width, and dilations, as published."""


Factor = Annotated[int, Field(ge=1, le=MAX_FACTOR)]


class WaveGradConfig(NetworkConfig):
    """The sizes of a WaveGrad; the defaults are the published base network of 15.9 M parameters.

    Attributes:
        n_channels: Base width, that of the first convolution; all others are multiples of it.
        n_mels: Bands of the mel.
        upsample_factors: Factors of the five upsampling blocks; their product is the hop length.
    """

    codec: ClassVar[str] = "waveform"

    kind: Literal["wavegrad"] = "wavegrad"
    n_channels: Annotated[int, Field(ge=2, le=128, multiple_of=2)] = 32
    n_mels: Width = 128
    upsample_factors: tuple[Factor, Factor, Factor, Factor, Factor] = (5, 5, 3, 2, 2)

    @property
    def parts(self) -> dict[str, int]:
        """The mel and its bands."""
        return {"mel": self.n_mels}

    @property
    def hop_length(self) -> int:
        """Samples per mel frame."""
        return math.prod(self.upsample_factors)

    @property
    def steps(self) -> tuple[int, ...]:
        """Samples per value after each of the upsampling blocks."""
        return tuple(math.prod(self.upsample_factors[i:]) for i in range(1, 6))

    @property
    def receptive_radius(self) -> int:
        """The most frames on either side that a sample depends on."""
        up = zip(self.steps, UP_DILATIONS, strict=True)
        down = sum(step * sum(DOWN_DILATIONS) for step in self.steps[:-1])
        # FiLM's two convolutions at each rate, and the distance of nearest neighbours.
        film = sum(2 * step for step in self.steps)
        nearest = sum(self.steps) + self.hop_length
        samples = 3 + down + film + nearest + sum(step * sum(d) for step, d in up)
        return math.ceil(samples / self.hop_length) + 1

    def build(self) -> "WaveGrad":
        """The network with new weights."""
        return WaveGrad(self)


def _conv(n_in: int, n_out: int, size: int = 3, dilation: int = 1) -> RowConv:
    conv = RowConv(n_in, n_out, size, padding=dilation * (size // 2), dilation=dilation)
    nn.init.orthogonal_(conv.weight)
    return conv


class Film(nn.Module):
    """The shift and scale of the features at one rate, from the noisy wave and its noise level."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.input = _conv(n_in, n_in)
        self.output = _conv(n_in, 2 * n_out)
        half = n_in // 2
        rates = torch.exp(-math.log(1e4) * torch.arange(half) / half)
        self.register_buffer("rates", rates, persistent=False)

    def forward(self, x: Features, level: Times) -> Modulation:
        """``shift, scale`` from ``lrelu(conv(x)) + [sin, cos](level 10^(-4 j / half))``."""
        angles = level.to(x.dtype)[:, None] * self.get_buffer("rates").to(x.dtype)
        encoding = torch.cat([angles.sin(), angles.cos()], 1)[:, :, None, None]
        return self.output.halves(leaky_relu(self.input(x), SLOPE) + encoding)


class DownBlock(nn.Module):
    """Downsampling: nearest neighbours, then three dilated convolutions beside a shortcut."""

    def __init__(self, n_in: int, n_out: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.shortcut = _conv(n_in, n_out, 1)
        widths = (n_in, n_out, n_out)
        self.layers = nn.ModuleList(
            _conv(n, n_out, dilation=d) for n, d in zip(widths, DOWN_DILATIONS, strict=True)
        )

    def forward(self, x: Features) -> Made:
        """Divides the number of steps by ``factor``."""
        size = (1, x.shape[-1] // self.factor)
        short = interpolate(self.shortcut(x), size=size)
        x = interpolate(x, size=size)
        for layer in self.layers:
            x = layer(leaky_relu(x, SLOPE))
        return x + short


class UpBlock(nn.Module):
    """Upsampling: nearest neighbours and four dilated convolutions, modulated by the wave."""

    def __init__(self, n_in: int, n_out: int, factor: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.factor = factor
        self.shortcut = _conv(n_in, n_out, 1)
        widths = (n_in, n_out, n_out, n_out)
        self.layers = nn.ModuleList(
            _conv(n, n_out, dilation=d) for n, d in zip(widths, dilations, strict=True)
        )

    def forward(self, x: Features, modulation: Modulation) -> Made:
        """Multiplies the number of steps by ``factor``."""
        size = (1, x.shape[-1] * self.factor)
        short = self.shortcut(interpolate(x, size=size))
        first, second, third, fourth = self.layers
        h = first(interpolate(leaky_relu(x, SLOPE), size=size))
        x = short + second(_modulated(h, modulation))
        h = third(_modulated(x, modulation))
        return x + fourth(_modulated(h, modulation))


def _modulated(x: Features, modulation: Modulation) -> Features:
    shift, scale = modulation
    return leaky_relu(shift + scale * x, SLOPE)


class WaveGrad(nn.Module):
    """The published network, with any hop.

    Examples:
        >>> network = WaveGrad(WaveGradConfig(n_channels=2, n_mels=80))
        >>> features = network.condition({"mel": torch.zeros(1, 80, 3)})
        >>> network(torch.zeros(1, 900), torch.tensor([0.5]), features).shape
        torch.Size([1, 900])
    """

    def __init__(self, config: WaveGradConfig) -> None:
        super().__init__()
        self.config = config
        n = config.n_channels
        down = [n * width for width in DOWN_CHANNELS]
        up = [n * width for width in UP_CHANNELS]
        factors = config.upsample_factors
        self.input = _conv(1, down[0], 5)
        self.down = nn.ModuleList(
            DownBlock(n_in, n_out, factor)
            for n_in, n_out, factor in zip(down[:-1], down[1:], factors[:0:-1], strict=True)
        )
        self.film = nn.ModuleList(
            Film(n_in, n_out) for n_in, n_out in zip(down, reversed(up), strict=True)
        )
        self.mel = _conv(config.n_mels, n * MEL_CHANNELS)
        self.up = nn.ModuleList(
            UpBlock(*sizes)
            for sizes in zip([n * MEL_CHANNELS, *up[:-1]], up, factors, UP_DILATIONS, strict=True)
        )
        self.output = _conv(up[-1], 1)

    def level(self, schedule: Schedule, t: Times) -> Times:
        """The continuous noise level: alpha itself."""
        return schedule.alpha(t)

    def condition(self, cond: Condition) -> Features | None:
        """The features of the mel, at its own rate."""
        return self.mel(as_rows(cond["mel"])) if "mel" in cond else None

    def forward(self, x_t: Wave, level: Times, features: Features | None) -> Wave:
        """The network's output, shape (batch, samples)."""
        h = as_rows(self.input(x_t[:, None, None])[:, :, 0])
        modulations = [self.film[0](h, level)]
        for down, film in zip(self.down, list(self.film)[1:], strict=True):
            h = down(h)
            modulations.append(film(h, level))
        n_frames = x_t.shape[1] // self.config.hop_length
        h = self._nothing(x_t, n_frames) if features is None else features
        for up, modulation in zip(self.up, reversed(modulations), strict=True):
            h = up(h, modulation)
        return self.output(h)[:, 0, 0]

    def _nothing(self, x_t: Wave, n_frames: int) -> Features:
        """The features without a mel: zeros."""
        n_channels = self.config.n_channels * MEL_CHANNELS
        return as_rows(x_t.new_zeros(len(x_t), n_channels, n_frames))

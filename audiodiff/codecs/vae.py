"""An autoencoder of mels: a few numbers for every few frames, from which the mel comes back."""

from itertools import pairwise
from typing import NamedTuple, TypeAlias

import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from audiodiff.codecs.mel import NormalMel
from audiodiff.config import Config, Size, Width

Latent: TypeAlias = Float[Tensor, "batch n_latents steps"]
"""What stands for a mel, one step for every `AutoencoderConfig.n_frames` frames."""

Features: TypeAlias = Float[Tensor, "batch channels _"]


class AutoencoderConfig(Config):
    """The sizes of an autoencoder.

    Attributes:
        n_latents: Numbers that stand for a step.
        widths: Channels of each level, from the mel's rate; every level has half the frames of the
            one before.
        n_blocks: Residual blocks of a level, in the encoder and again in the decoder.
    """

    n_latents: Size = 40
    widths: tuple[Width, ...] = Field(default=(128, 160, 192), min_length=1, max_length=8)
    n_blocks: int = Field(default=2, ge=1, le=16)

    @property
    def n_frames(self) -> int:
        """Frames of the mel in one step."""
        return 2 ** (len(self.widths) - 1)

    @property
    def radius(self) -> int:
        """Frames on either side that a frame which is encoded and decoded again depends on."""
        one_way = sum((2 * self.n_blocks + 2) * 2**level for level in range(len(self.widths)))
        return 2 * one_way + self.n_frames


class Moments(NamedTuple):
    """The normal distribution that a mel is encoded to.

    Attributes:
        mean: Its mean.
        log_variance: The logarithm of its variance.
    """

    mean: Latent
    log_variance: Latent

    def drawn(self, white: Latent) -> Latent:
        """A sample, by white noise."""
        return self.mean + white * (self.log_variance / 2).exp()

    def divergence(self) -> Float[Tensor, ""]:
        """The mean of ``KL(N(mean, variance) || N(0, 1))`` over all numbers, in nats."""
        variance = self.log_variance.exp()
        return (self.mean.square() + variance - 1 - self.log_variance).mean() / 2


class Autoencoder(nn.Module):
    """A variational autoencoder of normalised mels (arXiv:1312.6114; of mels, arXiv:2301.12503).

    Convolutions run over frames, with bands as channels.

    Examples:
        >>> import torch
        >>> config = AutoencoderConfig(n_latents=10, widths=(32, 32), n_blocks=1)
        >>> autoencoder = Autoencoder(config, n_mels=80)
        >>> mean, _ = autoencoder.encode(torch.zeros(1, 80, 6))
        >>> mean.shape
        torch.Size([1, 10, 3])
        >>> autoencoder.decode(mean).shape
        torch.Size([1, 80, 6])

    Args:
        config: The sizes.
        n_mels: Number of bands.
    """

    def __init__(self, config: AutoencoderConfig, n_mels: int) -> None:
        super().__init__()
        widths, first, last = config.widths, config.widths[0], config.widths[-1]
        self.config = config
        self.encoder = nn.ModuleList([_conv(n_mels, first), *_blocks(config.n_blocks, first)])
        for before, after in pairwise(widths):
            self.encoder += [_conv(before, after, stride=2), *_blocks(config.n_blocks, after)]
        self.moments = _conv(last, 2 * config.n_latents)
        self.decoder = nn.ModuleList([_conv(config.n_latents, last)])
        self.decoder += _blocks(config.n_blocks, last)
        for before, after in pairwise(widths[::-1]):
            self.decoder += [nn.Upsample(scale_factor=2.0), _conv(before, after)]
            self.decoder += _blocks(config.n_blocks, after)
        self.output = _conv(first, n_mels)

    @property
    def layers(self) -> nn.ModuleList:
        """All layers between the inputs and the outputs."""
        return nn.ModuleList([self.encoder[1:], self.decoder[1:]])

    def encode(self, mel: NormalMel) -> Moments:
        """What stands for a mel, whose frames are a multiple of `AutoencoderConfig.n_frames`."""
        h: Tensor = mel
        for layer in self.encoder:
            h = layer(h)
        mean, log_variance = self.moments(F.silu(_normed(h))).chunk(2, 1)
        return Moments(mean, log_variance.clamp(-20, 10))

    def decode(self, latent: Latent) -> NormalMel:
        """The mel that numbers stand for."""
        h: Tensor = latent
        for layer in self.decoder:
            h = layer(h)
        mel: Tensor = self.output(F.silu(_normed(h)))
        return mel


class _Block(nn.Module):
    """A residual block, ``x + conv(silu(norm(conv(silu(norm(x))))))``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList([_conv(width, width), _conv(width, width)])
        nn.init.zeros_(self.convs[1].get_parameter("weight"))

    def forward(self, x: Features) -> Features:
        """Features in the shape of x."""
        h = x
        for conv in self.convs:
            h = conv(F.silu(_normed(h)))
        return x + h


def _blocks(n: int, width: int) -> list[_Block]:
    return [_Block(width) for _ in range(n)]


def _conv(n_in: int, n_out: int, stride: int = 1) -> nn.Conv1d:
    return nn.Conv1d(n_in, n_out, 3, stride, padding=1)


def _normed(x: Features) -> Features:
    """Each step with a mean square of 1 over its channels, whatever the other steps are."""
    return x * (x.square().mean(1, keepdim=True) + 1e-6).rsqrt()

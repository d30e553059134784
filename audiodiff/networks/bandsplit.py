"""A denoiser at STFT-frame rate, its weights shared across frequency bands.

The complex spectrogram is split into bands, as band-split networks for source separation do
(arXiv:2209.15174), each band becomes a vector of the same width, and one stack of dilated
convolutions over (band, frame), after DiffWave's over samples, runs on all of them. Where a band
starts at a multiple of the transform's length over the hop, a stationary sinusoid turns by the
same angle per frame wherever in the spectrum it lies, and what a layer learns of phase in one
band holds in all others.
"""

import math
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn

from audiodiff._types import Condition, Schedule, Times
from audiodiff.codecs.contract import CodecConfig
from audiodiff.codecs.stft import Spectrum, StftConfig
from audiodiff.config import Depth, Size, Width
from audiodiff.diffusion.times import log_snr
from audiodiff.networks.attention import closed
from audiodiff.networks.contract import NetworkConfig, check_weights

Features = Float[Tensor, "batch channels bands frames"]
LevelFeatures = Float[Tensor, "batch level"]

N_LEVEL = 128
"""Features of the noise level."""

DILATIONS = ((1, 1), (1, 2), (2, 4), (4, 8))
"""Dilations over (bands, frames), cycled over the layers."""


class BandSplitConfig(NetworkConfig):
    """The sizes of a band-split denoiser.

    Attributes:
        bands: Groups of bands from 0 Hz on, each as (bins in a band, number of bands).
        n_channels: Width C of every band's features, a multiple of 16: with others, oneDNN's
            bfloat16 gradients of these convolutions are wrong (docs/log.md).
        n_layers: Number of residual layers.
        n_mels: Bands of the conditioning mel.
        n_mel_channels: Width of the mel's features.
        mel_mean: Mean of the mel over speech, subtracted from the mel.
        mel_std: Standard deviation of the mel over speech, by which the mel is divided.
    """

    codec: ClassVar[str] = "stft"
    can_take_end: ClassVar[bool] = True

    kind: Literal["band-split"] = "band-split"
    bands: tuple[tuple[Size, Size], ...] = Field(
        default=((4, 32), (8, 16), (32, 8)), min_length=1, max_length=64
    )
    n_channels: Width = Field(default=64, multiple_of=16)
    n_layers: Depth = 10
    n_mels: Width = 80
    n_mel_channels: Width = 128
    mel_mean: float = Field(default=-5.0, ge=-1e4, le=1e4)
    mel_std: float = Field(default=2.5, ge=1e-4, le=1e4)

    @model_validator(mode="after")
    def _small_enough(self) -> "BandSplitConfig":
        of_layers = 9 * self.n_layers * self.n_channels**2
        check_weights(of_layers + self.n_mel_channels * self.n_bands * self.n_channels)
        return self

    @property
    def n_bins(self) -> int:
        """Bins of the spectrogram."""
        return sum(size * count for size, count in self.bands)

    @property
    def n_bands(self) -> int:
        """Bands of all groups."""
        return sum(count for _, count in self.bands)

    @property
    def parts(self) -> dict[str, int]:
        """The mel and its bands."""
        return {"mel": self.n_mels}

    @property
    def receptive_radius(self) -> int:
        """Frames on either side that a frame depends on, including two for the mel."""
        return 2 + sum(DILATIONS[i % len(DILATIONS)][1] for i in range(self.n_layers))

    def check_codec(self, codec: CodecConfig) -> None:
        """Refuses a codec of another kind, or whose bins are not those of the bands."""
        super().check_codec(codec)
        assert isinstance(codec, StftConfig), "checked by its kind"
        if codec.n_bins != self.n_bins:
            raise ValueError(
                f"network.bands hold {self.n_bins} bins but codec.n_fft={codec.n_fft} makes "
                f"{codec.n_bins}"
            )

    def build(self) -> "BandSplitNet":
        """The network with new weights."""
        return BandSplitNet(self)


class BandSplit(nn.Module):
    """Bins to bands: each band's real and imaginary parts as C features, and back.

    Bands of one size share their weights; an embedding tells them apart.
    """

    def __init__(self, config: BandSplitConfig) -> None:
        super().__init__()
        self.bands = config.bands
        n_channels = config.n_channels
        self.split = nn.ModuleList(nn.Linear(2 * size, n_channels) for size, _ in self.bands)
        self.embedding = nn.Parameter(0.3 * torch.randn(n_channels, config.n_bands, 1))
        merge = [nn.Linear(n_channels, 2 * size) for size, _ in self.bands]
        for layer in merge:
            nn.init.zeros_(layer.weight)
        self.merge = nn.ModuleList(merge)

    def forward(self, x: Spectrum) -> Features:
        """(batch, 2, bins, frames) to (batch, C, bands, frames), channels last in memory."""
        parts, start = [], 0
        for (size, count), layer in zip(self.bands, self.split, strict=True):
            group = x[:, :, start : start + size * count].unflatten(2, (count, size))
            parts.append(layer(group.permute(0, 2, 4, 1, 3).flatten(3)))
            start += size * count
        h = torch.cat(parts, 1).permute(0, 3, 1, 2)
        return h + self.embedding.to(h.dtype)

    def back(self, h: Features) -> Spectrum:
        """The inverse direction, with weights of its own."""
        rows = h.permute(0, 2, 3, 1)
        counts = [count for _, count in self.bands]
        parts = []
        for (size, _), layer, group in zip(
            self.bands, self.merge, rows.split(counts, 1), strict=True
        ):
            y = layer(group).unflatten(3, (2, size))
            parts.append(y.permute(0, 3, 1, 4, 2).flatten(2, 3))
        return torch.cat(parts, 2)


class BandLayer(nn.Module):
    """``h + bands(sigmoid(u) tanh(v))``, ``(u, v) = frames(h) + b(level)``.

    One convolution runs over frames, the other over bands. Together they reach as far as one over
    both with half its products, which pays for more width.
    """

    def __init__(self, n_channels: int, dilation: tuple[int, int]) -> None:
        super().__init__()
        over_bands, over_frames = dilation
        self.frames = _conv(n_channels, 2 * n_channels, (1, 3), (1, over_frames))
        self.level = nn.Linear(N_LEVEL, 2 * n_channels)
        self.bands = _conv(n_channels, n_channels, (3, 1), (over_bands, 1))
        nn.init.normal_(self.frames.weight, std=1 / math.sqrt(3 * n_channels))
        nn.init.normal_(self.bands.weight, std=0.3 / math.sqrt(3 * n_channels))

    def forward(self, h: Features, level: LevelFeatures) -> Features:
        """The next layer's input."""
        z = self.frames(h)
        z = z.add_(self.level(level).to(z.dtype)[:, :, None, None])
        gate, filtered = z.chunk(2, 1)
        return h + self.bands(gate.sigmoid() * filtered.tanh())


def _conv(n_in: int, n_out: int, size: tuple[int, int], dilation: tuple[int, int]) -> nn.Conv2d:
    """A convolution that keeps the numbers of bands and frames."""
    padding = (dilation[0] * (size[0] // 2), dilation[1] * (size[1] // 2))
    return nn.Conv2d(n_in, n_out, size, padding=padding, dilation=dilation)


class BandSplitNet(nn.Module):
    """The denoiser; the defaults have 1.1 million parameters.

    Examples:
        >>> config = BandSplitConfig(bands=((16, 2), (32, 1)), n_channels=16, n_layers=2)
        >>> network = BandSplitNet(config)
        >>> features = network.condition({"mel": torch.zeros(1, 80, 5)})
        >>> network(torch.zeros(1, 2, 64, 5), torch.tensor([0.0]), features).shape
        torch.Size([1, 2, 64, 5])
    """

    def __init__(self, config: BandSplitConfig) -> None:
        super().__init__()
        self.config = config
        n_channels = config.n_channels
        self.bands = BandSplit(config)
        self.mel = nn.Sequential(
            nn.Conv1d(config.n_mels, config.n_mel_channels, 5, padding=2),
            nn.SiLU(),
            nn.Conv1d(config.n_mel_channels, config.n_bands * n_channels, 1),
        )
        self.embedding = _embedding()
        self.end = _embedding() if config.takes_end else None
        if self.end is not None:
            closed(self.end[-2])
        self.layers = nn.ModuleList(
            BandLayer(n_channels, DILATIONS[i % len(DILATIONS)]) for i in range(config.n_layers)
        )
        self.last = nn.Conv2d(n_channels, n_channels, 1)
        rates = torch.linspace(-3, 2, 32).exp()
        self.register_buffer("rates", rates, persistent=False)

    def level(self, schedule: Schedule, t: Times) -> Times:
        """Half the log-SNR, ``log(alpha / sigma)``, within +-10."""
        return (log_snr(schedule, t) / 2).clamp(-10, 10)

    def condition(self, cond: Condition) -> Features | None:
        """What the mel adds to every band at the input."""
        if "mel" not in cond:
            return None
        config = self.config
        normalized = (cond["mel"] - config.mel_mean) / config.mel_std
        features = self.mel(normalized).unflatten(1, (config.n_bands, config.n_channels))
        return features.permute(0, 2, 1, 3).contiguous(memory_format=torch.channels_last)

    def forward(
        self, x_t: Spectrum, level: Times, features: Features | None, end: Times | None = None
    ) -> Spectrum:
        """The network's output in the shape of x_t."""
        embedded = self.embedding(self._waves(level, x_t))
        if self.end is not None:
            embedded = embedded + self.end(self._waves(level if end is None else end, x_t))
        h = self.bands(x_t)
        if features is not None:
            h = h + features
        for layer in self.layers:
            h = layer(h, embedded)
        return self.bands.back(self.last(h).relu())

    def _waves(self, level: Times, like: Spectrum) -> Float[Tensor, "batch 64"]:
        """Sines and cosines of a level."""
        angles = level.to(like.dtype)[:, None] * self.get_buffer("rates").to(like.dtype)
        return torch.cat([angles.sin(), angles.cos()], 1)


def _embedding() -> nn.Sequential:
    """Features of a noise level from its sines and cosines."""
    return nn.Sequential(nn.Linear(64, N_LEVEL), nn.SiLU(), nn.Linear(N_LEVEL, N_LEVEL), nn.SiLU())

"""Discriminators, which learn to tell a model's sounds, or mels, from those of recordings.

Two kinds hear a sound: some see every p-th sample, as HiFi-GAN's do (arXiv:2010.05646), and so
its periods; others see its complex spectrogram at one resolution, as EnCodec's do
(arXiv:2210.13438). A third sees patches of a mel, as those of latent diffusion see patches of a
picture (arXiv:1611.07004). They are as small as two CPU cores can afford.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad
from torch.nn.utils.parametrizations import weight_norm

from audiodiff._types import Mel, State, Wave
from audiodiff.audio import frames

COMPRESSION = 0.3
"""The power to which magnitudes are raised, so that quiet parts are seen beside loud ones."""

STRIDE = 3
"""Step of a period discriminator's convolutions along its columns."""

GROWTH = (1, 4, 16, 32, 32)
"""Widths of its layers, as multiples of the first."""


class Verdict(NamedTuple):
    """What one discriminator makes of a batch.

    Attributes:
        score: Where it hears a recording, 1 at the place; where a model, 0.
        features: The outputs of its inner layers.
    """

    score: Float[Tensor, "batch 1 rows columns"]
    features: list[Float[Tensor, "batch channels rows columns"]]


class Judge(nn.Module):
    """Convolutions over a picture of what is judged, with leaky ReLUs between them."""

    def __init__(self, layers: Sequence[nn.Conv2d], last: nn.Conv2d) -> None:
        super().__init__()
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)
        self.last = weight_norm(last)

    def picture(self, made: State) -> Float[Tensor, "batch channels rows columns"]:
        """What the layers see of a wave, or of a mel."""
        raise NotImplementedError

    def forward(self, made: State) -> Verdict:
        """The verdict on each item."""
        h, features = self.picture(made), []
        for layer in self.layers:
            h = leaky_relu(layer(h), 0.1)
            features.append(h)
        return Verdict(self.last(h), features)


class PeriodJudge(Judge):
    """Sees a wave as rows of ``period`` samples; its kernels run down the columns.

    Args:
        period: Number of samples in a row.
        n_channels: Width of the first layer; HiFi-GAN's is 32.
    """

    def __init__(self, period: int, n_channels: int) -> None:
        widths = [1, *(n * n_channels for n in GROWTH)]
        strides = [STRIDE] * (len(GROWTH) - 1) + [1]
        layers = [
            nn.Conv2d(n_in, n_out, (5, 1), (stride, 1), (2, 0))
            for n_in, n_out, stride in zip(widths, widths[1:], strides, strict=False)
        ]
        super().__init__(layers, nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))
        self.period = period

    def picture(self, made: Wave) -> Float[Tensor, "batch 1 rows columns"]:
        """The rows, the last one filled up with zeros."""
        return pad(made, (0, -made.shape[1] % self.period)).unflatten(1, (-1, self.period))[:, None]


class SpectrumJudge(Judge):
    """Sees the real and imaginary parts of a spectrogram with compressed magnitudes.

    Args:
        n_fft: Length of the Hann window in samples; frames are a quarter of it apart.
        n_channels: Width of all layers.
    """

    def __init__(self, n_fft: int, n_channels: int) -> None:
        halving = [nn.Conv2d(n_channels, n_channels, (3, 9), (1, 2), (1, 4)) for _ in range(3)]
        layers = [
            nn.Conv2d(2, n_channels, (3, 9), padding=(1, 4)),
            *halving,
            nn.Conv2d(n_channels, n_channels, 3, padding=1),
        ]
        super().__init__(layers, nn.Conv2d(n_channels, 1, 3, padding=1))
        window = frames.hann(n_fft, n_fft, "periodic")
        self.register_buffer("window", window / window.square().sum().sqrt(), persistent=False)

    def picture(self, made: Wave) -> Float[Tensor, "batch 2 rows columns"]:
        """(batch, 2, frames, bins)."""
        window = self.get_buffer("window")
        spectrum = frames.stft(made, window, len(window) // 4)
        parts = torch.view_as_real(spectrum).permute(0, 3, 2, 1)
        power = parts.square().sum(1, keepdim=True)
        return parts * (power + 1e-5) ** ((COMPRESSION - 1) / 2)


class PatchJudge(Judge):
    """Sees a mel; each score is that of a patch of bands and frames.

    Examples:
        >>> PatchJudge(n_channels=4, n_layers=3)(torch.randn(2, 80, 64)).score.shape
        torch.Size([2, 1, 10, 8])

    Args:
        n_channels: Width of the first layer; every later one has twice that of the one before.
        n_layers: Number of layers, each of which halves bands and frames.
    """

    def __init__(self, n_channels: int, n_layers: int) -> None:
        widths = [1, *(n_channels * 2**n for n in range(n_layers))]
        layers = [nn.Conv2d(n_in, n_out, 3, 2, 1) for n_in, n_out in pairwise(widths)]
        super().__init__(layers, nn.Conv2d(widths[-1], 1, 3, padding=1))

    def picture(self, made: Mel) -> Float[Tensor, "batch 1 rows columns"]:
        """The mel, with a mean of about 0 and a deviation of about 1."""
        return made[:, None]


class Discriminators(nn.Module):
    """All discriminators.

    Args:
        periods: Periods in samples, one discriminator each.
        windows: Lengths of windows in samples, one discriminator each.
        n_channels: Width of the first layer of a period's, and half that of a window's.

    Examples:
        >>> verdicts = Discriminators((2, 3), (256,), 4)(torch.randn(1, 2048))
        >>> [tuple(verdict.score.shape) for verdict in verdicts]
        [(1, 1, 13, 2), (1, 1, 9, 3), (1, 1, 29, 17)]
    """

    def __init__(self, periods: Sequence[int], windows: Sequence[int], n_channels: int) -> None:
        super().__init__()
        self.judges = nn.ModuleList(
            [PeriodJudge(period, n_channels) for period in periods]
            + [SpectrumJudge(n_fft, 2 * n_channels) for n_fft in windows]
        )

    def forward(self, wave: Wave) -> list[Verdict]:
        """The verdict of each."""
        return [judge(wave) for judge in self.judges]

"""DiffWave (arXiv:2009.09761): a stack of gated dilated convolutions on the wave itself."""

import math
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Annotated, ClassVar, Literal, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn

from audiodiff._types import Condition, Labels, Mel, Schedule, Times, Wave
from audiodiff.conditioning.parts import OPEN
from audiodiff.config import MAX_STEPS, Depth, Size, Width
from audiodiff.networks.attention import closed
from audiodiff.networks.contract import MAX_FACTOR, NetworkConfig, check_weights
from audiodiff.networks.convolution import Features, RowConv, as_rows

Gate = Float[Tensor, "batch channels 1 #samples"]
"""The contribution of a condition to one half of a gate."""

PaddingMode: TypeAlias = Literal["zeros", "reflect"]
"""The values beyond the ends of a sound."""

N_LABEL = 128
"""Features of a class."""


class DiffWaveConfig(NetworkConfig):
    """The sizes of a DiffWave; the defaults are the published base network of 2.62 M parameters.

    Attributes:
        n_channels: Width C of the residual layers.
        n_layers: Number of residual layers.
        dilation_cycle: Layers after which dilations repeat: layer i dilates by
            2^(i mod dilation_cycle) samples.
        n_levels: Rows of the table that embeds the step (the T of the training schedule).
        n_mels: Bands of the conditioning mel; None for a network without one.
        n_labels: Number of classes; None for a network without labels.
        upsample_factors: Factors of the mel upsampler; their product is the hop length.
        upsampler_per_layer: Whether each layer has a mel upsampler of its own.
        step_in_residual: Whether the residual output of a layer includes the step's embedding.
        step_frequencies: Frequencies of the step's embedding, in radians per step: ``rising`` from
            1 to 10^4, interpolated between the rows of a table, as in LMNT's code; ``falling`` from
            1 to 10^-4, exact at any step, as in philsyn's.
        padding: Padding of the dilated convolutions at the ends of the sound.
    """

    codec: ClassVar[str] = "waveform"
    can_take_end: ClassVar[bool] = True

    kind: Literal["diffwave"] = "diffwave"
    n_channels: Width = 64
    n_layers: Depth = 30
    dilation_cycle: Annotated[int, Field(ge=1, le=16)] = 10
    n_levels: int = Field(default=50, ge=2, le=MAX_STEPS)
    n_mels: Width | None = 80
    n_labels: Size | None = None
    upsample_factors: tuple[Annotated[int, Field(ge=2, le=MAX_FACTOR)], ...] = Field(
        default=(16, 16), max_length=8
    )
    upsampler_per_layer: bool = False
    step_in_residual: bool = False
    step_frequencies: Literal["rising", "falling"] = "rising"
    padding: PaddingMode = "zeros"

    @model_validator(mode="after")
    def _small_enough(self) -> "DiffWaveConfig":
        check_weights(8 * self.n_layers * self.n_channels**2)
        return self

    @property
    def parts(self) -> dict[str, int]:
        """The mel with its bands and the label with its classes, whichever it takes."""
        sizes = {"mel": self.n_mels, "label": self.n_labels}
        return {part: size for part, size in sizes.items() if size is not None}

    @property
    def hop_length(self) -> int:
        """Samples per mel frame."""
        return math.prod(self.upsample_factors)

    @property
    def dilations(self) -> tuple[int, ...]:
        """The dilation of each layer, in samples."""
        return tuple(2 ** (i % self.dilation_cycle) for i in range(self.n_layers))

    @property
    def receptive_radius(self) -> int:
        """Frames on either side that a sample depends on, including two for the upsampler."""
        return math.ceil(sum(self.dilations) / self.hop_length) + 2

    def build(self) -> "DiffWave":
        """The network with new weights."""
        return DiffWave(self)


def _conv(
    n_in: int, n_out: int, size: int = 1, dilation: int = 1, padding_mode: PaddingMode = "zeros"
) -> RowConv:
    padding = dilation * (size // 2)
    conv = RowConv(n_in, n_out, size, padding=padding, dilation=dilation, padding_mode=padding_mode)
    nn.init.kaiming_normal_(conv.weight)
    return conv


class StepEmbedding(nn.Module):
    """A (fractional) step index as 512 features."""

    def __init__(self, n_levels: int, frequencies: Literal["rising", "falling"]) -> None:
        super().__init__()
        steps = torch.arange(n_levels)[:, None]
        exponents = torch.arange(64) * 4 / 63
        self.interpolate = frequencies == "rising"
        scale = 10 ** (exponents if self.interpolate else -exponents)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("table", _sin_cos(steps * scale), persistent=False)
        self.project = nn.Sequential(nn.Linear(128, 512), nn.SiLU(), nn.Linear(512, 512), nn.SiLU())

    def forward(self, step: Times) -> Float[Tensor, "batch 512"]:
        """Embeds a step, between two rows of the table by interpolation if so configured."""
        table = self.get_buffer("table")
        if not self.interpolate:
            return self.project(_sin_cos(step.to(table)[:, None] * self.get_buffer("scale")))
        below = step.floor().long().clamp(0, len(table) - 2)
        fraction = (step - below).to(table)[:, None]
        return self.project(torch.lerp(table[below], table[below + 1], fraction))


def _sin_cos(angles: Float[Tensor, "rows n"]) -> Float[Tensor, "rows twice_n"]:
    return torch.cat([angles.sin(), angles.cos()], 1)


class MelUpsampler(nn.Module):
    """Mel frames to samples by transposed convolutions over bands and time."""

    def __init__(self, factors: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ConvTranspose2d(
                1,
                1,
                (3, 2 * factor),
                stride=(1, factor),
                padding=(1, (factor + 1) // 2),
                output_padding=(0, factor % 2),
            )
            for factor in factors
        )

    def forward(self, mel: Mel) -> Features:
        """(batch, n_mels, frames) to (batch, n_mels, frames x hop_length)."""
        # Not in bfloat16: some CPUs have no fast product for a single channel in it.
        with torch.autocast(mel.device.type, enabled=False):
            x = mel[:, None].to(next(self.parameters()))
            for layer in self.layers:
                x = F.leaky_relu(layer(x), 0.4)
        return as_rows(x[:, 0])


class ResidualLayer(nn.Module):
    """A dilated convolution behind a gate, with a residual and a skip output."""

    def __init__(self, config: DiffWaveConfig, dilation: int) -> None:
        super().__init__()
        n_channels = config.n_channels
        self.step_in_residual = config.step_in_residual
        self.step = nn.Linear(512, n_channels)
        self.dilated = _conv(n_channels, 2 * n_channels, 3, dilation, config.padding)
        self.output = _conv(n_channels, 2 * n_channels)

    def forward(
        self, x: Features, step: Float[Tensor, "batch 512"], cond: Sequence[Gate]
    ) -> tuple[Features, Features]:
        """The next layer's input and this layer's skip output.

        Args:
            x: Input of this layer.
            step: Embedding of the diffusion step.
            cond: Contributions of the condition to both halves of the gate; empty for none.
        """
        stepped = x + self.step(step)[:, :, None, None]
        gate, filtered = self.dilated.halves(stepped)
        if cond:
            gate, filtered = gate + cond[0], filtered + cond[1]
        residual, skip = self.output.halves(gate.sigmoid() * filtered.tanh())
        return ((stepped if self.step_in_residual else x) + residual) / math.sqrt(2), skip


class DiffWave(nn.Module):
    """The published network, with any hop and with or without a mel.

    Examples:
        >>> network = DiffWave(DiffWaveConfig(n_channels=8, n_layers=2))
        >>> features = network.condition({"mel": torch.zeros(1, 80, 3)})
        >>> network(torch.zeros(1, 768), torch.tensor([49.0]), features).shape
        torch.Size([1, 768])
    """

    def __init__(self, config: DiffWaveConfig) -> None:
        super().__init__()
        self.config = config
        n_channels = config.n_channels
        self.input = _conv(1, n_channels)
        self.embedding = StepEmbedding(config.n_levels, config.step_frequencies)
        self.end = None
        if config.takes_end:
            self.end = StepEmbedding(config.n_levels, config.step_frequencies)
            closed(self.end.project[-2])
        self.layers = nn.ModuleList(
            ResidualLayer(config, dilation) for dilation in config.dilations
        )
        if config.n_mels is not None:
            if config.upsampler_per_layer:
                self.upsamplers = nn.ModuleList(
                    MelUpsampler(config.upsample_factors) for _ in self.layers
                )
            else:
                self.upsampler = MelUpsampler(config.upsample_factors)
            # One for all layers, as they do not depend on the step.
            self.mel_projection = _conv(config.n_mels, 2 * n_channels * config.n_layers)
        if config.n_labels is not None:
            self.labels = nn.Embedding(config.n_labels, N_LABEL)
            self.label_projection = nn.Linear(N_LABEL, 2 * n_channels * config.n_layers)
        self.skip = _conv(n_channels, n_channels)
        self.output = _conv(n_channels, 1)
        nn.init.zeros_(self.output.weight)

    def level(self, schedule: Schedule, t: Times) -> Times:
        """The step index ``n_levels t - 1``; times before the first step use its row."""
        return (t * self.config.n_levels - 1).clamp(min=0)

    def condition(self, cond: Condition) -> tuple[Gate, ...]:
        """The condition's contributions to both halves of every layer's gate; none if it is empty.

        The features of a mel are (batch, C, 1, samples); those of a class, the paper's global
        conditioner, are (batch, C, 1, 1).
        """
        gates: tuple[Gate, ...] = ()
        if "mel" in cond:
            gates = self._of_mel(cond["mel"])
        if "label" in cond:
            biases = self._of_label(cond["label"])
            gates = tuple(map(torch.add, gates, biases)) if gates else biases
        return gates

    def _of_label(self, label: Labels) -> tuple[Gate, ...]:
        biases = self.label_projection(self.labels(label.clamp(min=0)))
        biases = torch.where(label[:, None] == OPEN, 0.0, biases)
        return biases[:, :, None, None].chunk(2 * self.config.n_layers, 1)

    def _of_mel(self, mel: Mel) -> tuple[Gate, ...]:
        n_layers = self.config.n_layers
        upsampled: Iterable[Features]
        if self.config.upsampler_per_layer:
            upsampled = (x for upsample in self.upsamplers for x in repeat(upsample(mel), 2))
        else:
            upsampled = repeat(self.upsampler(mel), 2 * n_layers)
        projection = self.mel_projection
        assert projection.bias is not None, "_conv gives it one"
        weights = projection.weight[:, :, None].chunk(2 * n_layers)
        biases = projection.bias.chunk(2 * n_layers)
        # Layer by layer, so that the features of each are contiguous.
        return tuple(map(F.conv2d, upsampled, weights, biases))

    def forward(
        self, x_t: Wave, level: Times, features: tuple[Gate, ...], end: Times | None = None
    ) -> Wave:
        """The network's output, shape (batch, samples)."""
        x = as_rows(self.input(x_t[:, None, None])[:, :, 0]).relu()
        step = self.embedding(level)
        if self.end is not None:
            step = step + self.end(level if end is None else end)
        total: Features | float = 0.0
        for i, layer in enumerate(self.layers):
            x, skip = layer(x, step, features[2 * i : 2 * i + 2])
            total = total + skip
        total = self.skip(total / math.sqrt(len(self.layers))).relu()
        return self.output(total)[:, 0, 0]

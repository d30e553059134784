"""A U-Net with attention, over frames or over bands and frames."""

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import nn

from audiodiff._types import Condition, Schedule, State, Times
from audiodiff.codecs.contract import CodecConfig
from audiodiff.conditioning.text import TEXT
from audiodiff.config import Size, Width
from audiodiff.diffusion.times import log_snr
from audiodiff.networks.attention import Attended, RMSNorm, closed
from audiodiff.networks.contract import NetworkConfig, check_weights
from audiodiff.networks.texts import AnyText
from audiodiff.networks.unet_blocks import (
    HEAD,
    Asked,
    Attention,
    Block,
    Embedded,
    EndEmbedding,
    Grid,
    LabelEmbedding,
    LevelEmbedding,
    Made,
    conv,
)


class UNetConfig(NetworkConfig):
    """The sizes of a U-Net.

    Attributes:
        shape: Sizes of the state's axes between batch and time: (80,) for a mel of 80 bands.
        over: ``frames``: convolutions over frames, with bands as channels, which is fast on a CPU;
            ``bands-and-frames``: over both, as over a picture.
        patch: Number of steps of the state in one frame of the network.
        widths: Channels of each level, from the top; every level has half the frames, and half
            the bands, of the one above.
        n_blocks: Residual blocks of a level, on the way down and again on the way up.
        n_attention: Number of levels with attention, from the lowest.
        window: Number of positions that attend to each other, as in `WindowAttention`.
        n_labels: Number of classes of each kind of label, by its name.
        frames: Sizes of the vectors of parts of the condition that have one for each frame, by
            name; only for ``over="frames"`` without patches.
        tokens: Sizes of the vectors of parts of the condition that attention looks at, by name.
        text: What reads texts, see `TEXTS`; None for a network that takes none.
    """

    codec: ClassVar[str] = "mel"
    can_take_end: ClassVar[bool] = True

    kind: Literal["unet"] = "unet"
    shape: tuple[Size, ...] = Field(default=(80,), max_length=2)
    over: Literal["frames", "bands-and-frames"] = "frames"
    patch: Width = 1
    widths: tuple[Width, ...] = Field(default=(160, 224, 320), min_length=1, max_length=8)
    n_blocks: int = Field(default=2, ge=1, le=16)
    n_attention: int = Field(default=1, ge=0, le=8)
    window: Size = 256
    n_labels: dict[str, Size] = Field(default_factory=dict, max_length=16)
    frames: dict[str, Width] = Field(default_factory=dict, max_length=16)
    tokens: dict[str, Size] = Field(default_factory=dict, max_length=16)
    text: AnyText | None = None

    @model_validator(mode="after")
    def _fits(self) -> "UNetConfig":
        if self.over == "bands-and-frames" and not self.shape:
            raise ValueError("over='bands-and-frames' needs a state with bands; use over='frames'")
        if self.frames and (self.over != "frames" or self.patch != 1):
            raise ValueError("frames needs over='frames' and patch=1")
        if odd := [width for width in self.widths if width % HEAD]:
            raise ValueError(f"widths holds {odd[0]}, which is no multiple of {HEAD}")
        names = [*self.n_labels, *self.frames, *self.tokens, *([TEXT] if self.text else [])]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two parts of the condition are named {twice[0]!r}; rename one")
        convolutions = sum(width**2 for width in self.widths) * 6 * self.n_blocks
        ends = self.widths[0] * (2 * self.n_inputs + sum(self.n_labels.values()))
        n_of_text = 0 if self.text is None else self.text.n_weights
        check_weights(3**self.n_dims * (convolutions + ends) + n_of_text)
        return self

    @property
    def parts(self) -> dict[str, int]:
        """All parts of the condition with their sizes."""
        text = {} if self.text is None else {TEXT: self.text.n_bytes}
        return {**self.n_labels, **self.frames, **self.tokens, **text}

    @property
    def n_bytes(self) -> int | None:
        """Most bytes of a text; None for a network that takes none."""
        return None if self.text is None else self.text.n_bytes

    @property
    def attended(self) -> dict[str, int]:
        """Parts of the condition that attention looks at, and the sizes of their vectors."""
        return self.tokens if self.text is None else {**self.tokens, TEXT: self.text.width}

    @property
    def n_dims(self) -> int:
        """Axes of the grid that the convolutions run over."""
        return 1 if self.over == "frames" else 2

    @property
    def n_inputs(self) -> int:
        """Channels of the state as a grid."""
        inner = self.shape if self.over == "frames" else self.shape[:-1]
        return math.prod(inner) * self.patch

    @property
    def receptive_radius(self) -> int:
        """The most steps of the state on either side that one step depends on."""
        radius = 2
        for level in range(len(self.widths)):
            blocks = 2 * self.n_blocks + (2 if level == len(self.widths) - 1 else 0)
            reach = 2 * blocks + 4
            if self.has_attention(level):
                reach += (2 * self.n_blocks + 1) * self.window
            radius += reach * 2**level
        return radius * self.patch

    def has_attention(self, level: int) -> bool:
        """Whether a level, counted from the top, has attention."""
        return level >= len(self.widths) - self.n_attention

    def check_codec(self, codec: CodecConfig) -> None:
        """Refuses a codec whose states have another shape."""
        if codec.shape != self.shape:
            raise ValueError(
                f"network.shape={list(self.shape)} but codec.kind={codec.kind!r} makes states of "
                f"shape {list(codec.shape)}"
            )

    def takes_weights_of(self, other: NetworkConfig) -> bool:
        """Whether both are the same but for parts of the condition that only one of them takes."""
        if not isinstance(other, UNetConfig):
            return False
        both = self.parts.keys() & other.parts.keys()
        return NetworkConfig.takes_weights_of(self._with(both), other._with(both))

    def _with(self, parts: Collection[str]) -> "UNetConfig":
        """The network that takes only some of the parts of the condition."""
        kept: dict[str, object] = {
            field: {part: size for part, size in getattr(self, field).items() if part in parts}
            for field in ("n_labels", "frames", "tokens")
        }
        return self.model_copy(update=kept | {"text": self.text if TEXT in parts else None})

    def fetch(self, device: torch.device) -> None:
        """Loads what reads the texts."""
        if self.text is not None:
            self.text.fetch(device)

    def build(self) -> "UNet":
        """The network with new weights."""
        return UNet(self)


class Stage(nn.Module):
    """A residual block, with attention at the levels that have it."""

    def __init__(
        self, config: UNetConfig, level: int, n_in: int, width: int, shifted: bool
    ) -> None:
        super().__init__()
        n_out = config.widths[level]
        self.block = Block(config.n_dims, n_in, n_out, width)
        self.attention = (
            Attention(n_out, config.window, shifted, config.attended)
            if config.has_attention(level)
            else None
        )

    def forward(self, x: Grid, embedded: Embedded, tokens: Mapping[str, Attended]) -> Made:
        """The features with the level's channels."""
        x = self.block(x, embedded)
        return x if self.attention is None else self.attention(x, tokens)


class UNet(nn.Module):
    """The denoiser: features at falling and rising rates, joined level by level.

    Any number of frames is padded inside to what the levels need. Self-attention is only within
    windows at the lowest levels, so time and memory grow linearly with the length.

    Examples:
        >>> network = UNet(UNetConfig(widths=(32, 64), n_blocks=1, n_labels={"digit": 10}))
        >>> features = network.condition({"digit": torch.tensor([7])})
        >>> network(torch.zeros(1, 80, 51), torch.tensor([0.0]), features).shape
        torch.Size([1, 80, 51])
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths, width = config.widths, 2 * config.widths[0]
        self.embedding = LevelEmbedding(width)
        self.end = EndEmbedding(width) if config.takes_end else None
        self.labels = nn.ModuleDict(
            {part: LabelEmbedding(size, width) for part, size in config.n_labels.items()}
        )
        self.frames = nn.ModuleDict(
            {
                part: nn.Conv1d(size, widths[0], 1, bias=False)  # zeros are as an absent part
                for part, size in config.frames.items()
            }
        )
        self.text = None if config.text is None else config.text.build(width)
        self.input = conv(config.n_dims, config.n_inputs, widths[0])
        levels = [level for level in range(len(widths)) for _ in range(config.n_blocks)]
        before = [widths[level] for level in (0, *levels[:-1])]
        self.down = self._stages(levels, before, width)
        self.middle = self._stages([levels[-1]] * 2, [widths[-1]] * 2, width)
        self.up = self._stages(levels[::-1], [2 * widths[level] for level in levels[::-1]], width)
        self.shrink = nn.ModuleList(conv(config.n_dims, n, n, stride=2) for n in widths[:-1])
        self.grow = nn.ModuleList(
            conv(config.n_dims, low, high) for low, high in pairwise(widths[::-1])
        )
        self.norm = RMSNorm(widths[0])
        self.output = closed(conv(config.n_dims, widths[0], config.n_inputs))

    @property
    def layers(self) -> nn.ModuleList:
        """All layers between the input's and the output's."""
        return nn.ModuleList([self.down, self.middle, self.up, self.shrink, self.grow])

    def _stages(self, levels: Sequence[int], n_inputs: Sequence[int], width: int) -> nn.ModuleList:
        """Stages of given levels and channels, every second one with shifted windows."""
        return nn.ModuleList(
            Stage(self.config, level, n, width, shifted=i % 2 == 1)
            for i, (level, n) in enumerate(zip(levels, n_inputs, strict=True))
        )

    def level(self, schedule: Schedule, t: Times) -> Times:
        """The log-SNR, within +-20."""
        return log_snr(schedule, t).clamp(-20, 20)

    def condition(self, cond: Condition) -> Asked:
        """The features of the parts that are there."""
        labels = [table(cond[part]) for part, table in self.labels.items() if part in cond]
        frames = [layer(cond[part]) for part, layer in self.frames.items() if part in cond]
        tokens = {part: Attended(cond[part]) for part in self.config.tokens if part in cond}
        if self.text is not None and TEXT in cond:
            whole, tokens[TEXT] = self.text(cond[TEXT])
            labels.append(whole)
        return Asked(labels, frames, tokens)

    def forward(self, x_t: State, level: Times, features: Asked, end: Times | None = None) -> State:
        """The network's output in the shape of x_t."""
        ends = [] if self.end is None else [self.end(level if end is None else end)]
        embedded = F.silu(sum([*features.labels, *ends], self.embedding(level)))
        grid = self._grid(x_t)
        n_steps = grid.shape[-1]
        frames = (F.pad(part, (0, n_steps - part.shape[-1])) for part in features.frames)
        h = sum(frames, self.input(grid))
        n_blocks, skips = self.config.n_blocks, []
        for i, stage in enumerate(self.down):
            if i and i % n_blocks == 0:
                h = self.shrink[i // n_blocks - 1](h)
            h = stage(h, embedded, features.tokens)
            skips.append(h)
        for stage in self.middle:
            h = stage(h, embedded, features.tokens)
        for i, stage in enumerate(self.up):
            if i and i % n_blocks == 0:
                h = self.grow[i // n_blocks - 1](F.interpolate(h, scale_factor=2.0))
            h = stage(torch.cat([h, skips.pop()], 1), embedded, features.tokens)
        return self._state(self.output(F.silu(self.norm(h))), x_t)

    def _grid(self, x: State) -> Grid:
        """The state as a grid whose axes every level can halve, zeros after its end."""
        config, whole = self.config, 2 ** (len(self.config.widths) - 1)
        x = F.pad(x, (0, -x.shape[-1] % (whole * config.patch)))
        x = x.unflatten(-1, (-1, config.patch)).movedim(-1, 1)
        if config.n_dims == 1:
            return x.flatten(1, -2)
        return F.pad(x.flatten(1, -3), (0, 0, 0, -x.shape[-2] % whole))

    def _state(self, grid: Grid, like: State) -> State:
        """The inverse of `_grid`."""
        inner, patch = like.shape[1:-1], self.config.patch
        if self.config.n_dims == 2:
            grid = grid[..., : inner[-1], :]
        y = grid.reshape(len(like), patch, *inner, -1).movedim(1, -1).flatten(-2)
        return y[..., : like.shape[-1]]

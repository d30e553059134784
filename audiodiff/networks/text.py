"""Transformers that read texts, trained with the network that they are part of: that over bytes."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field, field_validator
from torch import Tensor, nn

from audiodiff.conditioning.parts import OPEN
from audiodiff.conditioning.text import MAX_BYTES, N_VALUES, Bytes
from audiodiff.config import Config, Size, Width
from audiodiff.networks.attention import Attended, Present, Sequences, closed, heads, rotated
from audiodiff.networks.unet_blocks import HEAD


class ReaderConfig(Config):
    """What reads the texts of a network, from which it is built.

    Attributes:
        kind: Its name in `audiodiff.networks.TEXTS`.
        width: Size of the vectors that attention looks at.
        n_bytes: Most bytes of a text.
    """

    kind: str
    width: Size
    n_bytes: int = Field(default=160, ge=1, le=MAX_BYTES)

    @property
    def n_weights(self) -> int:
        """Number of weights that are trained, or of most of them."""
        return 0

    def fetch(self, device: torch.device) -> None:
        """Loads what it needs but is not saved with it, as `NetworkConfig.fetch` does."""

    def build(self, n_channels: int) -> nn.Module:
        """A module from `Bytes` to a vector of each whole text and what there is to attend to.

        Args:
            n_channels: Length of the vector, which is zero for an empty text.
        """
        raise NotImplementedError


class TransformerConfig(ReaderConfig):
    """The sizes of a transformer that reads texts.

    Attributes:
        width: Channels of each of the parts of a text.
        n_layers: Number of layers.
    """

    width: Width = 96
    n_layers: int = Field(ge=1, le=32)

    @field_validator("width")
    @classmethod
    def _whole_heads(cls, width: int) -> int:
        if width % HEAD:
            raise ValueError(f"{width} is no multiple of {HEAD}")
        return width

    @property
    def n_weights(self) -> int:
        """Number of weights, or of most of them."""
        return 12 * self.n_layers * self.width**2


class TextTransformer(nn.Module):
    """Features of the parts of a text, and of the text as a whole.

    Args:
        config: Its sizes.
        n_channels: Length of the vector of a whole text.
    """

    def __init__(self, config: TransformerConfig, n_channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config.width) for _ in range(config.n_layers))
        self.norm = nn.RMSNorm(config.width)
        self.whole = closed(nn.Linear(config.width, n_channels, bias=False))

    def read(
        self, x: Sequences, present: Present
    ) -> tuple[Float[Tensor, "batch n_channels"], Attended]:
        """A vector of each text, zero for one without parts, and what there is to attend to.

        Args:
            x: Vectors of the parts.
            present: Which of them there are.
        """
        # The parts of an empty text attend to each other, as attention to nothing is not defined.
        seen = present | ~present.any(1, keepdim=True)
        for layer in self.layers:
            x = layer(x, seen)
        x = self.norm(x)
        return self.whole(mean_of(x, present)), Attended(x, present)


class BytesConfig(TransformerConfig):
    """The sizes of a transformer over the bytes of a text."""

    kind: Literal["bytes"] = "bytes"
    n_layers: int = Field(default=4, ge=1, le=32)

    def build(self, n_channels: int) -> "ByteTransformer":
        """The transformer with new weights."""
        return ByteTransformer(self, n_channels)


class ByteTransformer(TextTransformer):
    """Features of each byte of a text, and of the text as a whole.

    Bytes need no list of words, so that any language and any misspelling is a text. A text's
    features are the same whatever it is padded to.

    Examples:
        >>> import torch
        >>> transformer = ByteTransformer(BytesConfig(width=32), n_channels=64)
        >>> whole, (tokens, present) = transformer(torch.tensor([[104, 105], [33, -1]]))
        >>> whole.shape, tokens.shape, present.tolist()
        (torch.Size([2, 64]), torch.Size([2, 2, 32]), [[True, True], [True, False]])

    Args:
        config: Its sizes.
        n_channels: Length of the vector of a whole text.
    """

    def __init__(self, config: BytesConfig, n_channels: int) -> None:
        super().__init__(config, n_channels)
        self.bytes = nn.Embedding(N_VALUES, config.width)

    def forward(self, text: Bytes) -> tuple[Float[Tensor, "batch n_channels"], Attended]:
        """A vector of each text, zero for an empty one, and what there is to attend to."""
        return self.read(self.bytes(text.clamp(min=0)), text != OPEN)


def mean_of(x: Sequences, present: Present) -> Float[Tensor, "batch channels"]:
    """The mean of the features of each item over the steps that there are; zeros without any."""
    return (x * present[..., None]).sum(1) / present.sum(1, keepdim=True).clamp(min=1)


class Layer(nn.Module):
    """``x + attention(norm(x))``, then ``x + mlp(norm(x))``, with rotary positions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.n_heads = width // HEAD
        self.norms = nn.ModuleList([nn.RMSNorm(width), nn.RMSNorm(width)])
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.gathered = closed(nn.Linear(width, width))
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), closed(nn.Linear(4 * width, width))
        )

    def forward(self, x: Sequences, seen: Present) -> Sequences:
        """The features, of which those that are seen attend to each other."""
        parts = self.queries_keys_values(self.norms[0](x)).chunk(3, -1)
        queries, keys, values = (heads(part, self.n_heads) for part in parts)
        made = F.scaled_dot_product_attention(
            rotated(queries), rotated(keys), values, seen[:, None, None]
        )
        x = x + self.gathered(made.transpose(1, 2).flatten(2))
        return x + self.mlp(self.norms[1](x))

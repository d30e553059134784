"""The declarations of every network's config."""

from typing import ClassVar

import torch
from pydantic import model_validator
from torch import nn

from audiodiff.codecs.contract import CodecConfig
from audiodiff.config import Config

MAX_FACTOR = 256
"""The greatest factor by which one layer of a network raises the rate."""

MAX_WEIGHTS = 2**30
"""The most weights of a network: four gigabytes, several times as much in training."""


def check_weights(n_weights: int) -> None:
    """Refuses a network that no machine would hold, before it is built.

    Args:
        n_weights: Number of its weights, or of most of them.

    Raises:
        ValueError: If there are more than `MAX_WEIGHTS`.
    """
    if n_weights > MAX_WEIGHTS:
        raise ValueError(
            f"a network of these sizes has over {n_weights} weights and the limit is "
            f"{MAX_WEIGHTS}; lower its widths or number of layers"
        )


class NetworkConfig(Config):
    """The sizes of a network, from which it is built, and what it needs from the rest of a model.

    A field named ``n_mels`` or ``n_labels`` defaults to the number of the model's bands or labels;
    for a model with several kinds of label, ``n_labels`` maps each kind to its number.

    Attributes:
        kind: The network's name in `audiodiff.networks.NETWORKS`.
        codec: Kind of the codec whose states the network takes.
        can_take_end: Whether the network can be built to take the end of the step.
        takes_end: Whether it takes the level at the end of the step beside that at its beginning,
            as estimates of whole steps need: shortcut models and MeanFlow.
    """

    codec: ClassVar[str]
    can_take_end: ClassVar[bool] = False

    kind: str
    takes_end: bool = False

    @model_validator(mode="after")
    def _can_take_end(self) -> "NetworkConfig":
        if self.takes_end and not self.can_take_end:
            raise ValueError(
                f"takes_end=True but kind={self.kind!r} cannot take the end of a step; leave it out"
            )
        return self

    @property
    def parts(self) -> dict[str, int]:
        """Parts of the condition that it takes, each with its number of bands or classes."""
        raise NotImplementedError

    @property
    def n_bytes(self) -> int | None:
        """Most bytes of a text, which is among its parts; None for a network that takes none."""
        return None

    @property
    def hop_length(self) -> int | None:
        """Samples of sound per frame of the mel; None for a network that allows any number."""
        return None

    @property
    def receptive_radius(self) -> int:
        """Mel frames on either side that one call depends on."""
        raise NotImplementedError

    def check_codec(self, codec: CodecConfig) -> None:
        """Refuses a codec whose states it does not take.

        Raises:
            ValueError: If the codec is of another kind or size.
        """
        if codec.kind != self.codec:
            raise ValueError(f"network.kind={self.kind!r} needs codec.kind={self.codec!r}")

    def takes_weights_of(self, other: "NetworkConfig") -> bool:
        """Whether a network may start from the weights of another, as far as it has the same.

        One that takes the end of the step may start from one that does not.
        """
        return self in (other, other.model_copy(update={"takes_end": True}))

    def fetch(self, device: torch.device) -> None:
        """Loads what the network needs but is not saved with it, such as an encoder of texts.

        Args:
            device: The device that the network runs on.

        Raises:
            AudiodiffError: If it cannot be loaded.
        """

    def build(self) -> nn.Module:
        """The network with new weights, an `audiodiff.networks.Network`."""
        raise NotImplementedError

"""The declarations of every network's config."""

from typing import ClassVar

from torch import nn

from audiodiff.codecs.contract import CodecConfig
from audiodiff.config import Config


class NetworkConfig(Config):
    """The sizes of a network, from which it is built, and what it needs from the rest of a model.

    A field named ``n_mels`` or ``n_labels`` defaults to the number of the model's bands or labels.

    Attributes:
        kind: The network's name in `audiodiff.networks.NETWORKS`.
        codec: Kind of the codec whose states the network takes.
    """

    codec: ClassVar[str]
    kind: str

    @property
    def parts(self) -> dict[str, int]:
        """Parts of the condition that it takes, each with its number of bands or classes."""
        raise NotImplementedError

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

    def build(self) -> nn.Module:
        """The network with new weights, an `audiodiff.networks.Network`."""
        raise NotImplementedError

"""The declarations of every codec's config."""

import torch

from audiodiff._types import Codec
from audiodiff.config import Config
from audiodiff.mel.log_mel import MelConfig


class CodecConfig(Config):
    """The sizes of a codec, from which it is built.

    Attributes:
        kind: The codec's name in `audiodiff.codecs.CODECS`.
    """

    kind: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of a state's axes between batch and time."""
        raise NotImplementedError

    @property
    def sample_rate(self) -> int | None:
        """Sample rate of the sound in Hz; None for a codec of any rate."""
        return None

    @property
    def hop_length(self) -> int | None:
        """Samples of sound per frame; None for a codec whose frames are those of the mel."""
        return None

    @property
    def has_weights(self) -> bool:
        """Whether it is trained, as an autoencoder is."""
        return False

    @property
    def quantity(self) -> str:
        """What a state holds, up to a constant shift and scale, in words."""
        return f"state of codec.kind={self.kind!r}"

    @property
    def scale(self) -> float:
        """What a difference of 1 in a state is in that quantity."""
        return 1.0

    def has_states_of(self, other: "CodecConfig") -> bool:
        """Whether its states are those of another codec."""
        return self == other

    def fetch(self, device: torch.device) -> None:
        """Loads what the codec needs but is not saved with it, such as another's autoencoder.

        Args:
            device: The device that it runs on.

        Raises:
            AudiodiffError: If it cannot be loaded.
        """

    def build(self, mel: MelConfig | None) -> Codec:
        """The codec of a model.

        Args:
            mel: The model's mel, whose frames the codec may share; None for a model without one.

        Raises:
            AudiodiffError: If the codec does not fit the mel.
        """
        raise NotImplementedError

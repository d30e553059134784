"""What every codec's config declares."""

from audiodiff._types import Codec
from audiodiff.config import Config
from audiodiff.mel.log_mel import MelConfig


class CodecConfig(Config):
    """The sizes of a codec, from which it is built.

    Attributes:
        kind: Its name in `audiodiff.codecs.CODECS`.
    """

    kind: str

    def build(self, mel: MelConfig | None) -> Codec:
        """The codec.

        Args:
            mel: The model's mel, whose frames it may share; None for a model without one.

        Raises:
            AudiodiffError: If it does not fit the mel.
        """
        raise NotImplementedError

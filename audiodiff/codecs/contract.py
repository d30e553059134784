"""The declarations of every codec's config."""

from audiodiff._types import Codec
from audiodiff.config import Config
from audiodiff.mel.log_mel import MelConfig


class CodecConfig(Config):
    """The sizes of a codec, from which it is built.

    Attributes:
        kind: The codec's name in `audiodiff.codecs.CODECS`.
    """

    kind: str

    def build(self, mel: MelConfig | None) -> Codec:
        """The codec of a model.

        Args:
            mel: The model's mel, whose frames the codec may share; None for a model without one.

        Raises:
            AudiodiffError: If the codec does not fit the mel.
        """
        raise NotImplementedError

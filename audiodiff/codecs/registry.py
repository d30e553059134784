"""The codecs by name."""

from typing import Annotated, Any

from pydantic import Field

from audiodiff._types import Codec
from audiodiff.codecs.stft import Stft, StftConfig
from audiodiff.codecs.waveform import Waveform, WaveformConfig
from audiodiff.mel.log_mel import MelConfig

CodecConfig = Annotated[WaveformConfig | StftConfig, Field(discriminator="kind")]
"""The field type for configs that hold a codec."""


def build_codec(config: Any, mel: MelConfig | None) -> Codec:
    """The codec of a config.

    Args:
        config: One of `CodecConfig`.
        mel: The mel of the model; an STFT needs one.
    """
    if isinstance(config, WaveformConfig):
        return Waveform()
    assert mel is not None, "a model's config checks that an STFT has a mel"
    return Stft(config, mel)

"""The codecs by name."""

from typing import Annotated, TypeAlias

from audiodiff.codecs.contract import CodecConfig
from audiodiff.codecs.latent import LatentCodecConfig
from audiodiff.codecs.mel import MelCodecConfig
from audiodiff.codecs.mel_autoencoder import MelAutoencoderConfig
from audiodiff.codecs.stft import StftConfig
from audiodiff.codecs.wave_autoencoder import WaveAutoencoderConfig
from audiodiff.codecs.waveform import WaveformConfig
from audiodiff.config import of_kind

CODECS: dict[str, type[CodecConfig]] = {
    "waveform": WaveformConfig,
    "stft": StftConfig,
    "mel": MelCodecConfig,
    "latent": LatentCodecConfig,
    "oobleck": WaveAutoencoderConfig,
    "encodec": WaveAutoencoderConfig,
    "autoencoder-kl": MelAutoencoderConfig,
}
"""The config of every codec by the name that a model's config gives as ``kind``.

Assign to it to add one.
"""

AnyCodec: TypeAlias = Annotated[CodecConfig, of_kind(CODECS)]
"""The field type for configs that hold a codec."""

"""The ways between a wave and what diffuses."""

from audiodiff._types import Codec
from audiodiff.codecs.contract import CodecConfig
from audiodiff.codecs.latent import LatentCodec, LatentCodecConfig
from audiodiff.codecs.mel import MelCodec, MelCodecConfig
from audiodiff.codecs.mel_autoencoder import MelAutoencoder, MelAutoencoderConfig
from audiodiff.codecs.registry import CODECS
from audiodiff.codecs.stft import Stft, StftConfig
from audiodiff.codecs.vae import AutoencoderConfig
from audiodiff.codecs.wave_autoencoder import WaveAutoencoder, WaveAutoencoderConfig
from audiodiff.codecs.waveform import Waveform, WaveformConfig

__all__ = [
    "CODECS",
    "AutoencoderConfig",
    "Codec",
    "CodecConfig",
    "LatentCodec",
    "LatentCodecConfig",
    "MelAutoencoder",
    "MelAutoencoderConfig",
    "MelCodec",
    "MelCodecConfig",
    "Stft",
    "StftConfig",
    "WaveAutoencoder",
    "WaveAutoencoderConfig",
    "Waveform",
    "WaveformConfig",
]

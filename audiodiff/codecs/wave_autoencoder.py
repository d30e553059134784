"""The codec of networks that diffuse what an autoencoder that others trained makes of a wave."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from pydantic import FiniteFloat, PositiveFloat
from torch import Tensor, nn
from torch.nn import functional as F

from audiodiff._types import Wave
from audiodiff.codecs.contract import CodecConfig
from audiodiff.codecs.library_autoencoders import NAME, autoencoder_of, check_sizes, reach_of
from audiodiff.codecs.waveform import check_length
from audiodiff.config import SampleRate, Size
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import MelConfig
from audiodiff.system.devices import concrete
from audiodiff.system.pretrained import Library

Channels: TypeAlias = Float[Tensor, "batch channels samples"]
"""A wave of one channel or two."""

Latents: TypeAlias = Float[Tensor, "batch n_latents steps"]
"""Latents of a wave."""


class Sizes(NamedTuple):
    """What an autoencoder of waves makes of them.

    Attributes:
        n_latents: Numbers of a step.
        hop: Samples of a step.
        rate: Sample rate in Hz.
    """

    n_latents: int
    hop: int
    rate: int


class WaveKind(NamedTuple):
    """A kind of autoencoder of waves.

    Attributes:
        library: The library that has it.
        model: Name of its class there.
        sizes: Its sizes.
        encode: The latents of a wave of `n_channels`.
        decode: The wave of latents.
    """

    library: Library
    model: str
    sizes: Callable[[Any], Sizes]
    encode: Callable[[Any, Channels], Latents]
    decode: Callable[[Any, Latents], Channels]


WAVE_KINDS = {
    "oobleck": WaveKind(
        "diffusers",
        "AutoencoderOobleck",
        lambda model: Sizes(
            model.config.decoder_input_channels, model.hop_length, model.config.sampling_rate
        ),
        encode=lambda model, wave: model.encode(wave).latent_dist.mode(),
        decode=lambda model, latents: model.decode(latents).sample,
    ),
    "encodec": WaveKind(
        "transformers",
        "EncodecModel",
        lambda model: Sizes(
            model.config.hidden_size, model.config.hop_length, model.config.sampling_rate
        ),
        encode=lambda model, wave: model.encoder(wave),
        decode=lambda model, latents: model.decoder(latents),
    ),
}
"""The kinds of autoencoders of waves: Stable Audio's, whose mean is taken (arXiv:2407.14358);
EnCodec, whose vectors are taken before they are quantised (arXiv:2210.13438)."""


class WaveAutoencoderConfig(CodecConfig):
    """Latents of a wave by an autoencoder by name, ``x = (latents - mean) / std``.

    Attributes:
        kind: ``oobleck``, Stable Audio's by diffusers, or ``encodec``, by transformers.
        name: A directory, or the id ``owner/name`` of a model on the Hugging Face Hub, with weights
            in safetensors.
        subfolder: Folder of the autoencoder within it, such as ``vae``; itself if empty.
        n_latents: Numbers of a step.
        hop: Samples of a step.
        rate: Sample rate in Hz.
        mean: Mean of the latents over the training data.
        std: Standard deviation of the latents over the training data.
    """

    kind: Literal["encodec", "oobleck"]
    name: str = NAME
    subfolder: str = ""
    n_latents: Size
    hop: Size
    rate: SampleRate
    mean: FiniteFloat = 0.0
    std: PositiveFloat = 1.0

    @property
    def shape(self) -> tuple[int]:
        """The numbers of a step."""
        return (self.n_latents,)

    @property
    def sample_rate(self) -> int:
        """Sample rate of the sound in Hz."""
        return self.rate

    @property
    def hop_length(self) -> int:
        """Samples of sound per step."""
        return self.hop

    @property
    def quantity(self) -> str:
        """What a state holds, in words."""
        return f"{self.kind} latent"

    @property
    def scale(self) -> float:
        """The deviation that normalises it."""
        return self.std

    def autoencoder(self, device: torch.device) -> Any:
        """The autoencoder on a device.

        Raises:
            AudiodiffError: If it cannot be loaded, or its sizes are others.
        """
        kind, at = WAVE_KINDS[self.kind], concrete(device)
        model = autoencoder_of(kind.library, kind.model, self.name, self.subfolder, at)
        own = Sizes(self.n_latents, self.hop, self.rate)
        check_sizes(own._asdict(), kind.sizes(model)._asdict(), self.name)
        if getattr(model.config, "normalize", False):
            raise AudiodiffError(
                f"{self.name!r} brings sounds to one level first, which latents alone do not undo; "
                "give an autoencoder that does not, such as EnCodec at 24 kHz"
            )
        return model

    def fetch(self, device: torch.device) -> None:
        """Loads the autoencoder."""
        self.autoencoder(device)

    def build(self, mel: MelConfig | None = None) -> "WaveAutoencoder":
        """The codec, which ignores the mel."""
        return WaveAutoencoder(self)


class WaveAutoencoder:
    """Latents of a wave.

    What is encoded is the mean of the distribution that a variational autoencoder gives, and what
    EnCodec has before it quantises. An autoencoder of two channels hears the wave in both, and the
    mean of its two is taken.

    Args:
        config: The autoencoder and the normalisation.
    """

    linear: bool = False

    def __init__(self, config: WaveAutoencoderConfig) -> None:
        self.config, self.hop_length = config, config.hop
        self.kind = WAVE_KINDS[config.kind]

    @property
    def radius(self) -> int:
        """Steps that its convolutions reach; what EnCodec's LSTM remembers goes further."""
        return -(-reach_of_waves(self.config.autoencoder(torch.device("cpu"))) // self.hop_length)

    def encode(self, wave: Wave) -> Latents:
        """(batch, n_latents, samples / hop_length)."""
        model = self.config.autoencoder(wave.device)
        n_whole = wave.shape[-1] // self.hop_length * self.hop_length
        channels = wave[:, None, :n_whole].float().expand(-1, n_channels(model), -1)
        latents: Tensor = self.kind.encode(model, channels)
        return (latents - self.config.mean) / self.config.std

    def decode(self, x: Latents, length: int) -> Wave:
        """The sound of x.

        Raises:
            AudiodiffError: If x holds fewer steps than ``length`` samples need.
        """
        check_length(length, x.shape[-1] * self.hop_length)
        latents = x.float() * self.config.std + self.config.mean
        wave = self.kind.decode(self.config.autoencoder(x.device), latents).mean(1)
        return F.pad(wave, (0, max(0, length - wave.shape[1])))[:, :length]


def n_channels(model: Any) -> int:
    """Channels of the waves that an autoencoder takes, in which one is repeated."""
    channels: int = model.config.audio_channels
    return channels


def reach_of_waves(model: Any) -> int:
    """The most samples on either side that the convolutions of an autoencoder reach."""
    hop = 1
    reach = 0
    for layer in model.encoder.modules():
        if isinstance(layer, nn.Conv1d):
            reach += hop * reach_of(layer)
            hop *= layer.stride[0]
    for layer in model.decoder.modules():
        if isinstance(layer, nn.ConvTranspose1d):
            hop //= layer.stride[0]
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
            reach += hop * reach_of(layer)
    return reach

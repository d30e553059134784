"""Codecs by autoencoders that others trained: a model stores their name, not their weights."""

from typing import Any, Literal

import torch
from jaxtyping import Float
from pydantic import Field, FiniteFloat, PositiveFloat
from torch import Tensor
from torch.nn import functional as F

from audiodiff._types import Wave
from audiodiff.codecs.autoencoders import (
    WAVE_KINDS,
    Sizes,
    autoencoder_of,
    n_channels,
    reach_of_pictures,
    reach_of_waves,
)
from audiodiff.codecs.contract import CodecConfig
from audiodiff.codecs.mel import MelCodecConfig, NormalMel
from audiodiff.codecs.waveform import check_length
from audiodiff.config import SampleRate, Size
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import MelConfig
from audiodiff.system.devices import concrete

Latents = Float[Tensor, "batch n_latents steps"]
"""Latents of a wave."""

Pictures = Float[Tensor, "batch n_latents bands steps"]
"""Latents of a mel, which have bands as well."""

NAME = Field(min_length=1, max_length=4096)


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


class MelAutoencoderConfig(MelCodecConfig):
    """Latents of a mel by diffusers' `AutoencoderKL`, such as AudioLDM's, times its own scale.

    Attributes:
        name: A directory, or the id ``owner/name`` of a model on the Hugging Face Hub, with weights
            in safetensors.
        subfolder: Folder of the autoencoder within it, such as ``vae``; itself if empty.
        n_latents: Numbers of a band and step.
        factor: Frames of a step, and bands of a latent band.
        mean: Mean of the mel that it was trained with; 0 for one that takes the preset's mel as it
            is.
        std: The deviation; 1 likewise.
    """

    kind: Literal["autoencoder-kl"] = "autoencoder-kl"  # type: ignore[assignment]
    name: str = NAME
    subfolder: str = ""
    n_latents: Size
    factor: Size
    mean: FiniteFloat = 0.0
    std: PositiveFloat = 1.0

    @property
    def shape(self) -> tuple[int, int]:  # type: ignore[override]
        """The numbers of each band, and the bands."""
        return (self.n_latents, self.mel.n_mels // self.factor)

    @property
    def hop_length(self) -> int:
        """Samples of sound per step."""
        return self.mel.hop_length * self.factor

    @property
    def quantity(self) -> str:
        """What a state holds, in words."""
        return f"{self.kind} latent of the log-mel"

    @property
    def scale(self) -> float:
        """That of latents themselves."""
        return 1.0

    def autoencoder(self, device: torch.device) -> Any:
        """The autoencoder on a device.

        Raises:
            AudiodiffError: If it cannot be loaded, or its sizes are others.
        """
        at = concrete(device)
        model = autoencoder_of("diffusers", "AutoencoderKL", self.name, self.subfolder, at)
        found = {
            "n_latents": model.config.latent_channels,
            "factor": 2 ** (len(model.config.block_out_channels) - 1),
        }
        check_sizes({"n_latents": self.n_latents, "factor": self.factor}, found, self.name)
        if model.config.in_channels != 1:
            raise AudiodiffError(f"{self.name!r} is one of pictures in colour; give one of mels")
        return model

    def fetch(self, device: torch.device) -> None:
        """Loads the autoencoder."""
        self.autoencoder(device)

    def build(self, mel: MelConfig | None = None) -> "MelAutoencoder":  # type: ignore[override]
        """The codec, whose mel is its own."""
        return MelAutoencoder(self)


class MelAutoencoder:
    """Latents of a normalised mel, seen as a picture with one channel.

    Args:
        config: The mel and the autoencoder.

    Attributes:
        mels: The codec of the mel.
    """

    linear: bool = False

    def __init__(self, config: MelAutoencoderConfig) -> None:
        self.config, self.mels = config, config.mels.build()
        self.hop_length = config.hop_length

    @property
    def radius(self) -> int:
        """Steps that its convolutions reach; its attention and norms see the whole sound."""
        reach = reach_of_pictures(self.config.autoencoder(torch.device("cpu"))) + self.mels.radius
        return -(-reach // self.config.factor)

    def normal_mel_of(self, x: Pictures) -> NormalMel:
        """The normalised mel of a state."""
        model = self.config.autoencoder(x.device)
        mel: Tensor = model.decode(x.float().mT / model.config.scaling_factor).sample[:, 0].mT
        return mel

    def encode(self, wave: Wave) -> Pictures:
        """(batch, n_latents, bands, samples / hop_length)."""
        model = self.config.autoencoder(wave.device)
        n_whole = wave.shape[-1] // self.hop_length * self.hop_length
        mel = self.mels.encode(wave[..., :n_whole])
        latents: Tensor = model.encode(mel.mT[:, None]).latent_dist.mode()
        return latents.mT * model.config.scaling_factor

    def decode(self, x: Pictures, length: int) -> Wave:
        """The sound of x by the vocoder.

        Raises:
            AudiodiffError: If x holds fewer steps than ``length`` samples need, or there is no
                vocoder.
        """
        return self.mels.decode(self.normal_mel_of(x), length)


def check_sizes(given: dict[str, int], found: dict[str, int], name: str) -> None:
    """Refuses sizes in a config that are not those of the autoencoder that it names.

    Raises:
        AudiodiffError: If there are such, naming all.
    """
    wrong = {key: size for key, size in found.items() if given[key] != size}
    if wrong:
        said = ", ".join(f"codec.{key}={given[key]}" for key in wrong)
        right = ", ".join(f"{key} = {size}" for key, size in wrong.items())
        raise AudiodiffError(f"{said} but {name!r} has others; set {right}")

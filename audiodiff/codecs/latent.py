"""The codec of networks that diffuse what an autoencoder makes of a mel."""

from typing import Literal, Protocol, runtime_checkable

import torch
from pydantic import Field
from torch import nn

from audiodiff._types import Codec, Wave
from audiodiff.codecs.mel import MelCodec, MelCodecConfig, NormalMel
from audiodiff.codecs.vae import Autoencoder, AutoencoderConfig, Latent, Moments
from audiodiff.mel.log_mel import MelConfig

MEMORY = 0.99
"""Share of the mean and the power of latents that each step of training keeps."""


class LatentCodecConfig(MelCodecConfig):
    """A latent of a normalised mel diffuses, by an autoencoder whose weights are the model's.

    Attributes:
        autoencoder: The autoencoder's sizes.
    """

    kind: Literal["latent"] = "latent"  # type: ignore[assignment]
    autoencoder: AutoencoderConfig = Field(default_factory=AutoencoderConfig)

    @property
    def shape(self) -> tuple[int]:
        """The numbers of a step."""
        return (self.autoencoder.n_latents,)

    @property
    def hop_length(self) -> int:
        """Samples of sound per step."""
        return self.mel.hop_length * self.autoencoder.n_frames

    @property
    def quantity(self) -> str:
        """What a state holds, in words."""
        return "latent of the log-mel"

    @property
    def scale(self) -> float:
        """That of latents themselves, as those of each number have a scale of their own."""
        return 1.0

    @property
    def has_weights(self) -> bool:
        """Those of the autoencoder."""
        return True

    def build(self, mel: MelConfig | None = None) -> "LatentCodec":  # type: ignore[override]
        """The codec with new weights; its mel is its own."""
        return LatentCodec(self)


class LatentCodec(nn.Module):
    """Latents of a mel with a mean of 0 and a deviation of 1, ``x = (mean(mel) - m) / s``.

    What is encoded is the mean of the distribution that the autoencoder gives (arXiv:2112.10752);
    m and s are those of each of its numbers over the training data.

    Examples:
        >>> codec = LatentCodecConfig(autoencoder=AutoencoderConfig(widths=(32, 32, 32))).build()
        >>> codec.encode(torch.randn(1, 20 * 1024) / 10).shape
        torch.Size([1, 40, 20])

    Args:
        config: The mel and the autoencoder.

    Attributes:
        mels: The codec of the mel.
        autoencoder: The autoencoder.
    """

    linear: bool = False

    def __init__(self, config: LatentCodecConfig) -> None:
        super().__init__()
        self.config, self.mels = config, config.mels.build()
        self.hop_length = config.hop_length
        radius = self.mels.radius + config.autoencoder.radius
        self.radius = -(-radius // config.autoencoder.n_frames)
        self.autoencoder = Autoencoder(config.autoencoder, config.mel.n_mels)
        n = config.autoencoder.n_latents
        self.register_buffer("center", torch.zeros(n, 1))
        self.register_buffer("power", torch.ones(n, 1))
        self.requires_grad_(False)  # only the objective of the autoencoder trains it

    @property
    def layers(self) -> nn.ModuleList:
        """The layers of the autoencoder."""
        return self.autoencoder.layers

    def normal_mel(self, wave: Wave) -> NormalMel:
        """The normalised mel of the whole steps of a wave."""
        n_steps = wave.shape[-1] // self.hop_length
        return self.mels.encode(wave[..., : n_steps * self.hop_length])

    def normal(self, mean: Latent) -> Latent:
        """The state of a mean."""
        return (mean - self.get_buffer("center")) / self.get_buffer("power").sqrt()

    def normal_mel_of(self, x: Latent) -> NormalMel:
        """The normalised mel of a state."""
        latent = x.float() * self.get_buffer("power").sqrt() + self.get_buffer("center")
        return self.autoencoder.decode(latent)

    def encode(self, wave: Wave) -> Latent:
        """(batch, n_latents, samples / hop_length)."""
        return self.normal(self.autoencoder.encode(self.normal_mel(wave)).mean)

    def decode(self, x: Latent, length: int) -> Wave:
        """The sound of x by the vocoder.

        Raises:
            AudiodiffError: If x holds fewer steps than ``length`` samples need, or there is no
                vocoder.
        """
        return self.mels.decode(self.normal_mel_of(x), length)

    @torch.no_grad()
    def learn_scale(self, moments: Moments) -> None:
        """Moves the mean and the power of latents towards those of a batch of training."""
        values = moments.mean.detach().float().movedim(1, 0).flatten(1)
        center = self.get_buffer("center")
        center.lerp_(values.mean(1, keepdim=True), 1 - MEMORY)
        power = (values - center).square().mean(1, keepdim=True)
        self.get_buffer("power").lerp_(power, 1 - MEMORY)


@runtime_checkable
class OfMels(Protocol):
    """A codec that decodes to a mel first."""

    mels: MelCodec


def mels_of(codec: Codec) -> MelCodec | None:
    """The codec of the mel that a codec decodes to; None if it decodes to none."""
    if isinstance(codec, OfMels):
        return codec.mels
    return codec if isinstance(codec, MelCodec) else None

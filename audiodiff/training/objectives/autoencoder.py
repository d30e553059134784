"""The objective of the autoencoder of a model with which latents diffuse."""

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from audiodiff._types import Wave
from audiodiff.codecs.latent import LatentCodec
from audiodiff.diffusion.noise import white_noise
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.training.objectives.contract import Batch, Objective, ObjectiveConfig, Setting


class AutoencoderLossConfig(ObjectiveConfig):
    """The figures of training an autoencoder.

    Attributes:
        divergence: Weight of the divergence of latents from a normal distribution, in nats a
            number.
    """

    kind: Literal["autoencoder"] = "autoencoder"
    divergence: float = Field(default=1e-3, ge=0, le=1000)

    def check(self, model: ModelConfig, setting: Setting) -> None:
        """Refuses a model without an autoencoder."""
        if not model.codec.has_weights:
            raise ValueError(
                f"objective.kind='autoencoder' trains codec.kind='latent', not {model.codec.kind!r}"
            )

    def check_new(self, model: ModelConfig) -> None:
        """Allows new weights, which it trains."""

    def build(self, model: Model, setting: Setting) -> "AutoencoderLoss":
        """The objective of a run."""
        return AutoencoderLoss(self, model)


class AutoencoderLoss(Objective):
    """``mean |mel - decode(z)| + weight KL(q(z | mel) || N(0, 1))``, z drawn from q (1312.6114).

    Trains a model's codec; its network keeps its weights, and may be trained afterwards.

    Args:
        config: The weight.
        model: The model.
    """

    def __init__(self, config: AutoencoderLossConfig, model: Model) -> None:
        super().__init__()
        assert isinstance(model.codec, LatentCodec), "the config's check sees to it"
        self.model, self.codec, self.weight = model, model.codec, config.divergence
        self.codec.requires_grad_(True)
        model.network.requires_grad_(False)

    @property
    def trained(self) -> nn.Module:
        """The codec."""
        return self.codec

    @property
    def kept(self) -> nn.Module:
        """The network."""
        return self.model.network

    @property
    def heard(self) -> None:
        """None, as the network that would make previews is not trained yet."""

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and its two parts to log."""
        keys = [(batch.seed, place) for place in batch.places]
        error, divergence = self.at(batch.wave, keys)
        figures = {"train/mel_error": error.detach(), "train/divergence": divergence.detach()}
        return error + self.weight * divergence, figures

    def at(self, wave: Wave, keys: Sequence[tuple[int, ...]]) -> tuple[Tensor, Tensor]:
        """The mean absolute error of the normalised mel, and the divergence.

        Args:
            wave: The crops.
            keys: Keys of each crop's noise.
        """
        with torch.no_grad():
            mel = self.codec.normal_mel(wave)
        moments = self.codec.autoencoder.encode(mel)
        if self.training:
            self.codec.learn_scale(moments)
        white = torch.stack([white_noise(key, moments.mean.shape[1:]) for key in keys]).to(mel)
        made = self.codec.autoencoder.decode(moments.drawn(white))
        return (made.float() - mel).abs().mean(), moments.divergence()

    @torch.no_grad()
    def on_dev(self, batch: Batch) -> dict[str, float]:
        """The loss, its parts, and the error of what is decoded from the mean, as a codec does."""
        error, divergence = self.at(batch.wave, [(0, i) for i in range(len(batch.wave))])
        mel = self.codec.normal_mel(batch.wave)
        decoded = self.codec.autoencoder.decode(self.codec.autoencoder.encode(mel).mean)
        return {
            "dev/mel_error": error.item(),
            "dev/mel_error_of_mean": (decoded.float() - mel).abs().mean().item(),
            "dev/divergence": divergence.item(),
            "dev/loss": (error + self.weight * divergence).item(),
        }

"""The objective of the autoencoder of a model with which latents diffuse."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from audiodiff._types import Wave
from audiodiff.codecs.latent import LatentCodec
from audiodiff.codecs.mel import NormalMel
from audiodiff.codecs.vae import Moments
from audiodiff.config import Config, CountOrZero
from audiodiff.diffusion.noise import white_noise
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.networks.discriminators import PatchJudge, Verdict
from audiodiff.training.objectives.adversarial import balanced, judged
from audiodiff.training.objectives.contract import Batch, Objective, ObjectiveConfig, Setting


class PatchConfig(Config):
    """A discriminator of patches of mels, which makes what is decoded less smooth.

    Attributes:
        start: Steps of the run before it begins.
        weight: Share of what it says in the gradient at the decoded mel, that of the mel's error
            being 1.
        n_channels: Width of its first layer.
        n_layers: Number of its layers, each of which doubles the width and halves bands and frames.
    """

    start: CountOrZero = 2000
    weight: float = Field(default=0.25, ge=0, le=1000)
    n_channels: Annotated[int, Field(gt=0, le=128)] = 16
    n_layers: int = Field(default=3, ge=1, le=6)


class AutoencoderLossConfig(ObjectiveConfig):
    """The figures of training an autoencoder.

    Attributes:
        divergence: Weight of the divergence of latents from a normal distribution, in nats a
            number.
        discriminator: A discriminator that joins late in the run; None for none.
    """

    kind: Literal["autoencoder"] = "autoencoder"
    divergence: float = Field(default=1e-3, ge=0, le=1000)
    discriminator: PatchConfig | None = None

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
        return AutoencoderLoss(self, model, setting.bf16)


class Coded(NamedTuple):
    """Crops that were encoded and decoded again.

    Attributes:
        mel: Their normalised mel.
        made: What was decoded from a sample of the distribution that they were encoded to.
        moments: That distribution.
    """

    mel: NormalMel
    made: NormalMel
    moments: Moments

    @property
    def error(self) -> Float[Tensor, ""]:
        """The mean absolute error of the mel."""
        return (self.made - self.mel).abs().mean()


class AutoencoderLoss(Objective):
    """``mean |mel - decode(z)| + weight KL(q(z | mel) || N(0, 1))``, z drawn from q (1312.6114).

    Late in a run, a discriminator D may join, as in latent diffusion (arXiv:2112.10752). The
    decoder then also minimises ``mean (D(decode(z)) - 1)^2``, by gradients at what is decoded whose
    norms have the ratio that the config says; the discriminator minimises half of
    ``mean (D(mel) - 1)^2 + mean D(decode(z))^2``.

    Trains a model's codec; its network keeps its weights, and may be trained afterwards.

    Args:
        config: The weights.
        model: The model.
        bf16: Whether the discriminator's products are in bfloat16.
    """

    def __init__(self, config: AutoencoderLossConfig, model: Model, bf16: bool = False) -> None:
        super().__init__()
        assert isinstance(model.codec, LatentCodec), "the config's check sees to it"
        self.model, self.codec, self.weight = model, model.codec, config.divergence
        self.late, self.bf16 = config.discriminator, bf16
        self.discriminator = (
            None if self.late is None else PatchJudge(self.late.n_channels, self.late.n_layers)
        )
        self.codec.requires_grad_(True)
        model.network.requires_grad_(False)

    @property
    def opponent(self) -> nn.Module | None:
        """The discriminator."""
        return self.discriminator

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
        """The loss of both sides, and each part of it to log."""
        coded = self.coded(batch.wave, [(batch.seed, place) for place in batch.places])
        if self.training:
            self.codec.learn_scale(coded.moments)
        error, divergence = coded.error, coded.moments.divergence()
        figures = {"train/mel_error": error.detach(), "train/divergence": divergence.detach()}
        loss = error + self.weight * divergence
        if self.late is None or self.discriminator is None:
            return loss, figures
        if batch.step < self.late.start:
            # Gradients of zero: processes that train together wait for those of every weight.
            return loss + 0 * sum(w.sum() for w in self.discriminator.parameters()), figures
        real, fake = self._score(coded.mel), self._score(coded.made.detach())
        judge = ((real - 1).square().mean() + fake.square().mean()) / 2
        heard = (self._score(coded.made, frozen=True) - 1).square().mean()
        figures |= {"train/adversarial": heard.detach(), "train/discriminator": judge.detach()}
        both = balanced(coded.made, [(error, 1.0), (heard, self.late.weight)])
        return both + self.weight * divergence + judge, figures

    def _score(self, mel: NormalMel, frozen: bool = False) -> Float[Tensor, "batch 1 rows columns"]:
        assert self.discriminator is not None, "callers check this"
        verdict: Verdict = judged(self.discriminator, mel, self.bf16, frozen)
        return verdict.score.float()

    def coded(self, wave: Wave, keys: Sequence[tuple[int, ...]]) -> Coded:
        """Crops, encoded and decoded again.

        Args:
            wave: The crops.
            keys: Keys of each crop's noise.
        """
        with torch.no_grad():
            mel = self.codec.normal_mel(wave)
        moments = self.codec.autoencoder.encode(mel)
        white = torch.stack([white_noise(key, moments.mean.shape[1:]) for key in keys]).to(mel)
        made = self.codec.autoencoder.decode(moments.drawn(white))
        return Coded(mel, made.float(), moments)

    @torch.no_grad()
    def on_dev(self, batch: Batch) -> dict[str, float]:
        """The loss without a discriminator, its parts, and the error of the mean's mel."""
        coded = self.coded(batch.wave, [(0, i) for i in range(len(batch.wave))])
        error, divergence = coded.error, coded.moments.divergence()
        decoded = self.codec.autoencoder.decode(coded.moments.mean)
        return {
            "dev/mel_error": error.item(),
            "dev/mel_error_of_mean": (decoded.float() - coded.mel).abs().mean().item(),
            "dev/divergence": divergence.item(),
            "dev/loss": (error + self.weight * divergence).item(),
        }

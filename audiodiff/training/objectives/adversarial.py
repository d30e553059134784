"""An adversarial finish: the model's own run against discriminators."""

from typing import Annotated, Any, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call

from audiodiff._types import State, Wave
from audiodiff.config import Width
from audiodiff.mel.distance import MelDistance
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.networks.discriminators import Discriminators, Verdict
from audiodiff.training.objectives.contract import Batch, Setting
from audiodiff.training.objectives.spectral import SpectralConfig, SpectralLoss

Weight = Annotated[float, Field(ge=0, le=1000)]
Size = Annotated[int, Field(ge=2, le=4096)]

LEVEL = 0.05
"""The level (RMS) to which each crop is brought before it is judged."""

SILENCE = 1e-3
"""The level below which a crop is not raised further."""

MEMORY = 0.99
"""Share of the mean discriminators' loss that each step keeps."""

WON = 0.02
"""Mean loss of the discriminators, 0.5 for ones that know nothing, from which on they tell every
sound from a recording and have nothing left to teach."""


class AdversarialConfig(SpectralConfig):
    """The figures of a finish against discriminators, beside those of the spectral objective.

    The weights are the shares that each loss has in the gradient at the samples of the sound,
    whatever the size of the loss: each loss's gradient is brought to the norm of the spectral
    distance's first, as EnCodec's are to one of their own (arXiv:2210.13438, 3.4).

    Attributes:
        periods: Periods in samples of the discriminators that see every p-th sample.
        spectrograms: Lengths of windows in samples of those that see a spectrogram.
        n_channels: Width of the discriminators' first layer, a quarter of HiFi-GAN's by default.
        spectral: Weight of the distance of spectrograms.
        mel: Weight of the distance of mels at several resolutions.
        features: Weight of the distance of the discriminators' features.
        adversarial: Weight of what the discriminators say.
    """

    kind: Literal["adversarial"] = "adversarial"  # type: ignore[assignment]
    periods: tuple[Size, ...] = Field(default=(2, 3, 5, 7, 11), max_length=64)
    spectrograms: tuple[Size, ...] = Field(default=(512, 1024, 2048), max_length=64)
    n_channels: Width = 8
    spectral: Weight = 1.0
    mel: Weight = 1.0
    features: Weight = 0.5
    adversarial: Weight = 0.25

    def check(self, model: ModelConfig, setting: Setting) -> None:
        """Refuses what the spectral objective does, and no discriminators."""
        super().check(model, setting)
        if not self.periods and not self.spectrograms:
            raise ValueError("objective.periods and objective.spectrograms are both empty")
        longest = max(self.spectrograms, default=0)
        inner = setting.crop_frames * model.hop_length
        if longest > inner:
            raise ValueError(
                f"objective.spectrograms holds {longest} but a crop has {inner} samples; give a "
                "longer data.crop_frames or leave that window out"
            )

    def build(self, model: Model, setting: Setting) -> "AdversarialLoss":
        """The objective of a run."""
        return AdversarialLoss(self, model, setting)


class AdversarialLoss(SpectralLoss):
    """`SpectralLoss` and what discriminators hear, by least squares (arXiv:1611.04076).

    Discriminators D minimise ``mean (D(wave) - 1)^2 / 2 + mean D(made)^2 / 2``; the model
    minimises, at the sound that a call of its own run estimates, the spectral distance, the
    distance of mels, ``mean |f(made) - f(wave)| / mean |f(wave)|`` over the discriminators'
    features f, and ``mean (D(made) - 1)^2``. Both sides take a step at once.

    Args:
        config: Discriminators and weights.
        model: The model whose network is trained.
        setting: The run's margins and precision.
    """

    def __init__(self, config: AdversarialConfig, model: Model, setting: Setting) -> None:
        super().__init__(config, model, setting)
        self.discriminators = Discriminators(config.periods, config.spectrograms, config.n_channels)
        self.mel_distance = MelDistance(model.config.sample_rate)
        self.weights = {
            "spectral": config.spectral,
            "mel": config.mel,
            "features": config.features,
            "adversarial": config.adversarial,
        }
        self.bf16 = setting.bf16
        self.register_buffer("mean_loss", torch.tensor(0.5), persistent=False)

    @property
    def opponent(self) -> nn.Module:
        """The discriminators."""
        return self.discriminators

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of both sides, and each part of it to log."""
        pairs = list(self.estimates(batch).values())
        made, wave = (torch.cat(waves) for waves in zip(*pairs, strict=True))
        gain = LEVEL / wave.square().mean(1, keepdim=True).sqrt().clamp(min=SILENCE)
        real, fake = self._judged(wave * gain), self._judged(made.detach() * gain)
        opponents = _mean_square(real, 1) / 2 + _mean_square(fake, 0) / 2
        self.get_buffer("mean_loss").lerp_(opponents.detach(), 1 - MEMORY)
        heard = self._judged(made * gain, frozen=True)
        losses = {
            "spectral": self.distance(made, wave).mean(),
            "mel": self.mel_distance(made, wave).mean(),
            "features": _feature_distance(heard, real),
            "adversarial": _mean_square(heard, 1),
        }
        loss = balanced(made, [(losses[name], weight) for name, weight in self.weights.items()])
        figures = {f"train/{name}": part.detach() for name, part in losses.items()}
        figures["train/discriminators"] = opponents.detach()
        share = self.n_diffusion / len(batch.wave)
        for name, part in self.of_diffusion(batch).items():
            loss = (1 - share) * loss + share * part.mean()
            figures[name] = part.detach().mean()
        return loss + opponents, figures

    def warning(self) -> str | None:
        """Says so when the discriminators have won."""
        mean = self.get_buffer("mean_loss").item()
        if mean > WON:
            return None
        return (
            f"the discriminators tell every sound from a recording (their loss is {mean:.3f}), so "
            "the model no longer learns from them; start again with a lower optimizer.adamw_lr or "
            "a smaller objective.n_channels"
        )

    def _judged(self, wave: Wave, frozen: bool = False) -> list[Verdict]:
        verdicts: list[Verdict] = judged(self.discriminators, wave, self.bf16, frozen)
        return verdicts


def judged(discriminators: nn.Module, made: State, bf16: bool, frozen: bool = False) -> Any:
    """The verdicts; no gradient reaches frozen discriminators, only what they judge.

    Args:
        discriminators: What judges.
        made: What is judged.
        bf16: Whether products are in bfloat16.
        frozen: Whether the discriminators keep their weights.
    """
    weights: dict[str, Tensor] = dict(discriminators.named_parameters())
    if frozen:
        weights = {name: weight.detach() for name, weight in weights.items()}
    with torch.autocast(made.device.type, torch.bfloat16, enabled=bf16):
        return functional_call(discriminators, weights, (made,))


def balanced(made: State, losses: list[tuple[Tensor, float]]) -> Tensor:
    """A loss whose gradient at ``made`` is the weighted sum of the losses' own, all of one norm.

    The norm is that of the first loss's. The value is the weighted sum of the losses.

    Args:
        made: The sound or its mel, with gradients behind it.
        losses: Scalars that depend on it, with their weights.
    """
    gradient, value, norm = torch.zeros_like(made), made.new_zeros(()), None
    for loss, weight in losses:
        (own,) = torch.autograd.grad(loss, made, retain_graph=True)
        own_norm = own.norm().clamp(min=1e-12)
        norm = own_norm if norm is None else norm
        gradient = gradient + weight * norm / own_norm * own
        value = value + weight * loss.detach()
    through = (made * gradient).sum()
    return through - through.detach() + value


def _mean_square(verdicts: list[Verdict], target: int) -> Float[Tensor, ""]:
    """Mean squared distance of the scores from a target, over places and discriminators."""
    return torch.stack([(v.score.float() - target).square().mean() for v in verdicts]).mean()


def _feature_distance(made: list[Verdict], wave: list[Verdict]) -> Float[Tensor, ""]:
    """Mean relative distance of the features, over layers and discriminators."""
    parts = []
    for ours, theirs in zip(made, wave, strict=True):
        for a, b in zip(ours.features, theirs.features, strict=True):
            b = b.detach().float()
            parts.append((a.float() - b).abs().mean() / b.abs().mean().clamp(min=1e-6))
    return torch.stack(parts).mean()

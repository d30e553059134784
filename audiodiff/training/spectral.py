"""A finish for few steps: a model trained through its own run, by the sound that comes out."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from audiodiff._types import Wave
from audiodiff.audio.distance import SpectralDistance
from audiodiff.model import Model
from audiodiff.training.config import TrainConfig
from audiodiff.training.objectives import Batch, DiffusionLoss


class SpectralLoss(nn.Module):
    """`SpectralDistance` between a recording and the model's default run from its mel.

    The diffusion loss makes a model right about the states of a diffused recording; a run of few
    steps never meets those. Here gradients go through the whole run, from noise to sound, without
    the projection onto the mel that may end it. The loss does not see phase, so it is least where
    the phases fit each other, not where they are the recording's, which the mel does not tell. Of
    magnitudes that the mel leaves open it makes the median.

    Args:
        config: The run's; the first ``diffusion_items`` of its crops train by `DiffusionLoss`.
        model: Its network is trained.
    """

    def __init__(self, config: TrainConfig, model: Model) -> None:
        super().__init__()
        assert config.spectral is not None, "build_objective checks this"
        assert model.log_mel is not None, "the config checks this"
        self.model, self.log_mel = model, model.log_mel
        self.n_diffusion = config.spectral.diffusion_items
        self.diffusion = DiffusionLoss(config, model)
        self.distance = SpectralDistance(
            config.spectral.windows, model.config.sample_rate, config.spectral.emphasis
        )
        self.margin = config.data.margin_frames * model.config.hop_length
        model.bf16 = config.precision == "bf16"

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """The mean over the batch, and its two parts to log."""
        n = self.n_diffusion
        parts = {"train/spectral": self.per_item(batch.wave[n:], batch.first + n)}
        if n:
            parts["train/diffusion"] = self.diffusion.per_item(
                batch.wave[:n], batch.t[:n], batch.white[:n]
            )
        means = {name: part.mean().item() for name, part in parts.items()}
        return torch.cat(list(parts.values())).mean(), means

    def on_dev(self, wave: Wave, white: Wave) -> dict[str, float]:
        """The distance, and what `DiffusionLoss` measures."""
        spectral = self.per_item(wave, 0).mean().item()
        return {"dev/spectral": spectral} | self.diffusion.on_dev(wave, white)

    def per_item(self, wave: Wave, first: int) -> Float[Tensor, " batch"]:
        """The distance of each crop.

        Args:
            wave: (batch, samples).
            first: Place of the first crop in the training sequence, which is its run's seed.
        """
        # Only the network's products bear bfloat16.
        with torch.autocast(wave.device.type, enabled=False):
            model, n_samples = self.model, wave.shape[-1]
            mel = self.log_mel(wave)[..., : n_samples // model.config.hop_length]
            seeds, offsets = range(first, first + len(wave)), [0] * len(wave)
            made = model.make(
                mel, n_samples, model.times(), model.sampler(), seeds, offsets, plain=True
            )
            inner = slice(self.margin, wave.shape[-1] - self.margin)
            return self.distance(made[:, inner], wave[:, inner])


def build_objective(config: TrainConfig, model: Model) -> DiffusionLoss | SpectralLoss:
    """What a run minimises."""
    if config.spectral is None:
        return DiffusionLoss(config, model)
    return SpectralLoss(config, model)

"""A finish for few steps: a model trained through its own run, by the sound that comes out."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from audiodiff._types import Condition, Mel, Wave
from audiodiff.audio.distance import SpectralDistance
from audiodiff.model.model import Model
from audiodiff.training.config import TrainConfig
from audiodiff.training.objectives.diffusion import Batch, DiffusionLoss


class SpectralLoss(nn.Module):
    """`SpectralDistance` between a recording and the model's default run from its mel.

    The diffusion loss makes a model right about the states of a diffused recording; a run of few
    steps never meets those. Here each crop trains one call of the run, in turn: the calls before it
    make its state as they do for a user, passes onto the mel between them included, and its own
    estimate is the sound that is compared. Gradients go through all the calls, or where there are
    passes between them through that one alone; the projection that may end a run is left out. The
    loss does not see phase, so it is least where the phases fit each other, not where they are the
    recording's, which the mel does not tell. Of magnitudes that the mel leaves open it makes the
    median.

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
        """The mean over the batch, and to log its parts: each call's, and the diffusion loss."""
        n, n_calls, parts = self.n_diffusion, self.model.n_steps, {}
        for call in range(n_calls):
            chosen = [i for i in range(n, len(batch.wave)) if (batch.first + i) % n_calls == call]
            if chosen:
                places = [batch.first + i for i in chosen]
                mel = None if batch.cond is None else batch.cond[chosen]
                part = self.of_call(batch.wave[chosen], places, call, mel)
                parts[f"train/spectral_{call + 1}"] = part
        if n:
            mel = None if batch.cond is None else batch.cond[:n]
            parts["train/diffusion"] = self.diffusion.per_item(
                batch.wave[:n], batch.t[:n], batch.white[:n], mel
            )
        means = {name: part.mean().item() for name, part in parts.items()}
        return torch.cat(list(parts.values())).mean(), means

    def on_dev(self, wave: Wave, white: Wave, cond: Condition | None = None) -> dict[str, float]:
        """The distance after each call, and what `DiffusionLoss` measures."""
        places = range(len(wave))
        losses = {
            f"dev/spectral_{call + 1}": self.of_call(wave, places, call, cond).mean().item()
            for call in range(self.model.n_steps)
        }
        return losses | self.diffusion.on_dev(wave, white, cond)

    def of_call(
        self, wave: Wave, places: Sequence[int], call: int, mel: Mel | None = None
    ) -> Float[Tensor, " batch"]:
        """The distance of each crop from the estimate of one call of its run.

        Args:
            wave: (batch, samples).
            places: Of the crops in the training sequence, which are their runs' seeds.
            call: From 0 on.
            mel: What the run is given; None for the crops' own.
        """
        # Only the network's products bear bfloat16.
        with torch.autocast(wave.device.type, enabled=False):
            model, n_samples = self.model, wave.shape[-1]
            if mel is None:
                mel = self.log_mel(wave)[..., : n_samples // model.config.hop_length]
            times = model.times()
            until = torch.cat([times[: call + 1], times[-1:]])
            made = model.make(
                mel, n_samples, until, model.sampler(), places, [0] * len(wave), finish=False
            )
            inner = slice(self.margin, wave.shape[-1] - self.margin)
            return self.distance(made[:, inner], wave[:, inner])


def build_objective(config: TrainConfig, model: Model) -> DiffusionLoss | SpectralLoss:
    """What a run minimises."""
    if config.spectral is None:
        return DiffusionLoss(config, model)
    return SpectralLoss(config, model)

"""Training for few steps, through the model's own run, by the sound at its end."""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from audiodiff._types import Denoiser, Wave
from audiodiff.audio.distance import SpectralDistance
from audiodiff.conditioning.parts import selected
from audiodiff.config import CountOrZero, Size
from audiodiff.diffusion.noise import DeviceNoise, NoiseTape
from audiodiff.guidance.contract import Context, Guidance
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.pipelines.run import with_mel
from audiodiff.samplers.loop import last
from audiodiff.training.objectives.contract import Batch, Objective, ObjectiveConfig, Setting
from audiodiff.training.objectives.diffusion import DiffusionConfig


class SpectralConfig(ObjectiveConfig):
    """The figures of training through the model's default run, call by call.

    Attributes:
        windows: Lengths in samples of the windows of the spectrograms that are compared.
        emphasis: Weight of low frequencies in `SpectralDistance`.
        diffusion_items: Crops of each batch that train by the diffusion loss instead, so that the
            model still works at other times.
        diffusion: Figures of that diffusion loss.
    """

    kind: Literal["spectral"] = "spectral"
    windows: tuple[Size, ...] = Field(
        default=(128, 256, 512, 1024, 2048), min_length=1, max_length=64
    )
    emphasis: float = Field(default=1.0, ge=0, le=1e6)
    diffusion_items: CountOrZero = 2
    diffusion: DiffusionConfig = Field(default_factory=DiffusionConfig)

    def check(self, model: ModelConfig, setting: Setting) -> None:
        """Refuses a model without a mel, and crops or batches that are too small."""
        if model.mel is None:
            raise ValueError(
                f"objective.kind={self.kind!r} needs a model with a mel; use 'diffusion'"
            )
        longest, inner = max(self.windows), setting.crop_frames * model.hop_length
        if longest > inner:
            raise ValueError(
                f"objective.windows holds {longest} but a crop has {inner} samples; give a longer "
                "data.crop_frames or leave that window out"
            )
        if self.diffusion_items >= setting.batch_size:
            raise ValueError(
                f"objective.diffusion_items={self.diffusion_items} leaves no crop of "
                f"batch_size={setting.batch_size}; give fewer"
            )

    def build(self, model: Model, setting: Setting) -> "SpectralLoss":
        """The objective of a run."""
        return SpectralLoss(self, model, setting)


class SpectralLoss(Objective):
    """`SpectralDistance` between a recording and the model's default run from its mel.

    The diffusion loss trains on the states of diffused recordings, which a run of few steps never
    meets. Here each crop trains one call of the run, in turn: the calls before it make its state
    as in use, guidance included, and its own estimate is the sound that is compared. Gradients go
    through all the calls, or, with passes onto the mel between them, through that call alone;
    guidance of the last step is left out. The loss ignores phase, so it is least where the phases
    fit each other, not where they are the recording's, which the mel does not determine. It learns
    the median of magnitudes that the mel leaves open.

    Args:
        config: The windows, and the number of crops that train by `DiffusionLoss` instead.
        model: The model whose network is trained.
        setting: The run's margins and precision.
    """

    def __init__(self, config: SpectralConfig, model: Model, setting: Setting) -> None:
        super().__init__()
        self.model, self.n_diffusion = model, config.diffusion_items
        self.diffusion = config.diffusion.build(model, setting)
        self.distance = SpectralDistance(config.windows, model.config.sample_rate, config.emphasis)
        self.margin = setting.margin_frames * model.config.hop_length
        self.precision = "bf16" if setting.bf16 else "fp32"

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean over the batch, and its parts to log: each call's, and the diffusion loss."""
        parts = {
            f"train/spectral_{call + 1}": self.distance(made, wave)
            for call, (made, wave) in self.estimates(batch).items()
        }
        parts |= self.of_diffusion(batch)
        means = {name: part.detach().mean() for name, part in parts.items()}
        return torch.cat(list(parts.values())).mean(), means

    def on_dev(self, batch: Batch) -> dict[str, float]:
        """The distance after each call, and what `DiffusionLoss` measures."""
        losses = {}
        for call in range(self.model.n_steps):
            distance = self.distance(*self.estimate(batch, range(len(batch.wave)), call))
            losses[f"dev/spectral_{call + 1}"] = distance.mean().item()
        return losses | self.diffusion.on_dev(batch)

    def of_diffusion(self, batch: Batch) -> dict[str, Float[Tensor, " _"]]:
        """The diffusion loss of each crop that trains by it; empty if none does."""
        n = self.n_diffusion
        if not n:
            return {}
        few = batch._replace(wave=batch.wave[:n], cond=selected(batch.cond, range(n)))
        return {"train/diffusion": self.diffusion.per_item(few)}

    def estimates(self, batch: Batch) -> dict[int, tuple[Wave, Wave]]:
        """What `estimate` gives for each call, over the crops whose turn it is."""
        n, n_calls = self.n_diffusion, self.model.n_steps
        turns = {
            call: range(n + (call - batch.first - n) % n_calls, len(batch.wave), n_calls)
            for call in range(n_calls)
        }
        return {call: self.estimate(batch, turn, call) for call, turn in turns.items() if turn}

    def estimate(self, batch: Batch, chosen: range, call: int) -> tuple[Wave, Wave]:
        """The sound that one call of the run estimates for some crops, and those crops.

        Both are without margins. A crop's run has its place in the training sequence as its seed.

        Args:
            batch: The crops; their own mel is computed if their condition has none.
            chosen: Indices of the crops.
            call: Index of the call, from 0.
        """
        model, wave = self.model, batch.wave[chosen.start : chosen.stop : chosen.step]
        times, n_samples = model.times().tolist(), wave.shape[-1]
        places = tuple(batch.places[i] for i in chosen)
        run = Run(
            times=[*times[: call + 1], times[-1]],
            guidance=[_BeforeLast(steer, model.n_steps) for steer in model.guidance()],
            precision=self.precision,
        )
        noise = DeviceNoise(places[:1]) if wave.is_cuda else NoiseTape(places, [0] * len(places))
        # Only the network's products may be in bfloat16.
        with torch.autocast(wave.device.type, enabled=False):
            cond = with_mel(model, selected(batch.cond, chosen), wave)
            states = model.states(torch.zeros_like(wave), cond, run, noise)
            made = model.codec.decode(last(states), n_samples)
        inner = slice(self.margin, n_samples - self.margin)
        return made[:, inner], wave[:, inner]


class _BeforeLast:
    """A guidance of a whole run, for the part of the run that ends with a plain estimate."""

    def __init__(self, guidance: Guidance, n_steps: int) -> None:
        self.guidance, self.n_steps = guidance, n_steps

    def acts_at(self, step: int, n_steps: int) -> bool:
        """Whether the guidance acts at a step; never at the last one of the part."""
        return step < n_steps - 1 and self.guidance.acts_at(step, self.n_steps)

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        """The steered denoiser."""
        return self.guidance(denoise, context)

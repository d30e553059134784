"""A finish for few steps: a model trained through its own run, by the sound that comes out."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d

from audiodiff._types import Mel, Wave
from audiodiff.audio import frames
from audiodiff.audio.envelope import Gain
from audiodiff.diffusion.denoiser import NetDenoiser
from audiodiff.diffusion.noise import Colored, NoiseTape
from audiodiff.model import Model
from audiodiff.samplers.loop import last, sample
from audiodiff.training.config import TrainConfig
from audiodiff.training.objectives import Batch, DiffusionLoss

QUIET = 1e-4
"""The least floor of magnitudes: white noise of -80 dBFS."""

SMOOTHED_HERTZ = 350
"""Over which the floor is averaged, in Hz."""


class SpectralDistance(nn.Module):
    """How far the spectrograms of a wave are from a recording's, whatever the phases.

    ``mean over windows of mean w |ln((A + q) / (S + q))| + mean w |A - S| / mean w S``: S are
    magnitudes of the recording, A those of the other. After the multi-resolution STFT loss
    (arXiv:1910.11480), with a weight w of each frequency that is the density of the mel scale
    there, ``1 / (1 + f / 700)`` over its mean, and a floor q, a tenth of S as averaged over 350 Hz,
    so that holes which louder neighbours mask do not count, however deep. Frames are a quarter of
    a window apart.

    Args:
        windows: Lengths of Hann windows, in samples.
        sample_rate: In Hz.
    """

    def __init__(self, windows: Sequence[int], sample_rate: int) -> None:
        super().__init__()
        self.windows = [frames.hann(size, size, "periodic") for size in windows]
        self.half_widths = [round(SMOOTHED_HERTZ / 2 / sample_rate * size) for size in windows]
        weights = [1 / (1 + torch.fft.rfftfreq(size, 1 / sample_rate) / 700) for size in windows]
        self.weights = [(weight / weight.mean())[:, None] for weight in weights]

    def forward(self, wave: Wave, recording: Wave) -> Float[Tensor, " batch"]:
        """The distance of each item; both (batch, samples), as long as the longest window."""
        parts = []
        for window, n, w in zip(self.windows, self.half_widths, self.weights, strict=True):
            a, s = (_magnitudes(x, window.to(x)) for x in (wave, recording))
            w = w.to(s)
            smooth = avg_pool1d(s.mT, 2 * n + 1, 1, n, count_include_pad=False).mT
            floor = 0.1 * smooth + QUIET
            logs = (w * ((a + floor) / (s + floor)).log().abs()).mean((1, 2))
            parts.append(logs + (w * (a - s).abs()).mean((1, 2)) / (w * s + QUIET).mean((1, 2)))
        return torch.stack(parts).mean(0)


def _magnitudes(wave: Wave, window: Float[Tensor, " n_fft"]) -> Gain:
    """In units of white noise."""
    return frames.stft(wave, window / window.square().sum().sqrt(), len(window) // 4).abs()


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
        self.distance = SpectralDistance(config.spectral.windows, model.config.sample_rate)
        self.margin = config.data.margin_frames * model.config.hop_length
        self.bf16 = config.precision == "bf16"

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
            mel = self.log_mel(wave)[..., : wave.shape[-1] // self.model.config.hop_length]
            made = self._run(mel, wave.shape[-1], range(first, first + len(wave)))
            inner = slice(self.margin, wave.shape[-1] - self.margin)
            return self.distance(made[:, inner], wave[:, inner])

    def _run(self, mel: Mel, n_samples: int, seeds: Sequence[int]) -> Wave:
        """The default run, without a projection onto the mel."""
        model = self.model
        like = model.codec.encode(mel.new_zeros(len(mel), n_samples))
        tape = NoiseTape(seeds, [0] * len(seeds))
        noise = Colored(tape, model.codec, model.prior, mel, n_samples)
        denoise = NetDenoiser(
            model.network, model.schedule, model.config.target, model.prior, mel, self.bf16
        )
        states = sample(denoise, model.schedule, model.sampler(), model.times(), noise, like)
        return model.codec.decode(last(states), n_samples)


def build_objective(config: TrainConfig, model: Model) -> DiffusionLoss | SpectralLoss:
    """What a run minimises."""
    if config.spectral is None:
        return DiffusionLoss(config, model)
    return SpectralLoss(config, model)

"""What a trainer minimises."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from audiodiff._types import Condition, Times, Wave
from audiodiff.codecs.stft import StftConfig
from audiodiff.diffusion.denoiser import Whitened
from audiodiff.diffusion.noise import white_noise
from audiodiff.diffusion.targets import expand, output_from_x0
from audiodiff.mel.log_mel import LogMel
from audiodiff.model.model import Model
from audiodiff.training.config import TimesConfig, TrainConfig

DEV_TIMES = (0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
"""Times at which the loss is measured on dev crops."""

GOLDEN = 0.6180339887498949
"""Steps of the golden ratio fill [0, 1) evenly, however many are taken."""


class Batch:
    """Crops with the times and the noise that they meet, all functions of (seed, place).

    Args:
        wave: (batch, samples).
        seed: Of the run.
        first: Place of the first crop in the training sequence.
        times: How times are drawn.
        t_min: The smallest time.
        cond: What an acoustic model predicted for the crops, or their classes; None for their own
            mel, or for nothing.
    """

    def __init__(
        self,
        wave: Wave,
        seed: int,
        first: int,
        times: TimesConfig,
        t_min: float,
        cond: Condition | None = None,
    ) -> None:
        places = range(first, first + len(wave))
        self.wave, self.cond = wave, cond
        self.first = first
        uniform = torch.tensor([place * GOLDEN % 1 for place in places], dtype=torch.float64)
        self.t = _times(times, uniform, t_min)
        shape = tuple(wave.shape[1:])
        self.white = torch.stack([white_noise((seed, place), shape) for place in places])

    def to(self, device: torch.device) -> "Batch":
        """Moves the tensors."""
        for name in ("wave", "cond", "t", "white"):
            if (tensor := getattr(self, name)) is not None:
                setattr(self, name, tensor.to(device, non_blocking=True))
        return self


def _times(config: TimesConfig, uniform: Times, t_min: float) -> Times:
    """Times of the config's distribution from numbers that fill [0, 1) evenly."""
    if config.kind == "logit-normal":
        normal = torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6))
        uniform = torch.sigmoid(config.mean + config.std * normal)
    return t_min + (1 - t_min) * uniform


class DiffusionLoss(nn.Module):
    """``mean |whiten(y - y_hat)|^p`` with y the model's target and p = 1 or 2.

    With target eps and the unit prior this is DDPM's loss (arXiv:2006.11239), L1 as in DiffWave;
    with the mel-energy prior it is PriorGrad's (arXiv:2106.06406, eq. 5).

    Args:
        config: The run's; of it the power, the margin and the weights.
        model: Its network is trained.
    """

    def __init__(self, config: TrainConfig, model: Model) -> None:
        super().__init__()
        self.model = model
        self.power = {"l1": 1, "l2": 2}[config.loss]
        self.margin = config.data.margin_frames
        self.log_mel = None if model.config.mel is None else LogMel(model.config.mel)
        self.register_buffer("weight", _weight(config), persistent=False)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """The mean over the batch, and nothing else to log."""
        return self.per_item(batch.wave, batch.t, batch.white, batch.cond).mean(), {}

    def per_item(
        self, wave: Wave, t: Times, white: Wave, cond: Condition | None = None
    ) -> Float[Tensor, " batch"]:
        """The loss of each crop, whose own mel is computed where there is no other."""
        model = self.model
        with torch.no_grad():
            if self.log_mel is not None:
                mel = self.log_mel(wave) if cond is None else cond
                mel = mel[..., : wave.shape[-1] // model.config.hop_length]
                cond = self._inner(mel, model.config.hop_length)
        network = Whitened(model.network, model.prior, cond)
        with torch.no_grad():
            x0, noise = (
                self._inner(model.codec.encode(x), model.codec.hop_length) for x in (wave, white)
            )
            eps = model.prior.color(noise, network.shape)
            alpha, sigma = model.schedule.alpha(t), model.schedule.sigma(t)
            x_t = expand(alpha, x0) * x0 + expand(sigma, x0) * eps
            y = output_from_x0(model.config.target, model.schedule, t, x0, eps)
        y_hat = network(x_t, model.network.level(model.schedule, t))
        error = model.prior.whiten(y - y_hat, network.shape).abs().pow(self.power)
        return (error * self.get_buffer("weight")).flatten(1).mean(1)

    def on_dev(self, wave: Wave, white: Wave, cond: Condition | None = None) -> dict[str, float]:
        """The loss at each of `DEV_TIMES`, and their mean."""
        losses = {}
        for level in DEV_TIMES:
            t = torch.full((len(wave),), level, dtype=torch.float64, device=wave.device)
            losses[f"dev/loss_t{level:.2f}"] = self.per_item(wave, t, white, cond).mean().item()
        return losses | {"dev/loss": sum(losses.values()) / len(losses)}

    def _inner(self, x: Tensor, hop_length: int) -> Tensor:
        """Without the margins, of a sequence with a step every ``hop_length`` samples."""
        cut = self.margin * self.model.config.hop_length // hop_length
        return x[..., cut : x.shape[-1] - cut]


def _weight(config: TrainConfig) -> Float[Tensor, "*bins_and_one"]:
    """The weight of each bin of a spectrogram, mean 1; of a wave, 1."""
    codec, mel = config.model.codec, config.model.mel
    if not isinstance(codec, StftConfig) or mel is None:
        return torch.ones(())
    hertz = torch.arange(codec.n_bins) * (mel.sample_rate / codec.n_fft)
    weight = torch.where(hertz > mel.highest_frequency, config.above_f_max, 1.0)
    return (weight / weight.mean())[:, None]

"""What a trainer minimises."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from audiodiff._types import Times, Wave
from audiodiff.audio.mel import LogMel
from audiodiff.diffusion.denoiser import Whitened
from audiodiff.diffusion.noise import white_noise
from audiodiff.diffusion.targets import expand, output_from_x0
from audiodiff.model import Model

GOLDEN = 0.6180339887498949
"""Steps of the golden ratio fill [0, 1) evenly, however many are taken."""


class Batch:
    """Crops with the times and the noise that they meet, all functions of (seed, place).

    Args:
        wave: (batch, samples).
        seed: Of the run.
        first: Place of the first crop in the training sequence.
        t_min: The smallest time.
    """

    def __init__(self, wave: Wave, seed: int, first: int, t_min: float) -> None:
        places = range(first, first + len(wave))
        self.wave = wave
        uniform = torch.tensor([place * GOLDEN % 1 for place in places], dtype=torch.float64)
        self.t = t_min + (1 - t_min) * uniform
        shape = tuple(wave.shape[1:])
        self.white = torch.stack([white_noise((seed, place), shape) for place in places])

    def to(self, device: torch.device) -> "Batch":
        """Moves the tensors."""
        for name in ("wave", "t", "white"):
            setattr(self, name, getattr(self, name).to(device, non_blocking=True))
        return self


class DiffusionLoss(nn.Module):
    """``mean |whiten(y - y_hat)|^p`` with y the model's target and p = 1 or 2.

    With target eps and the unit prior this is DDPM's loss (arXiv:2006.11239), L1 as in DiffWave;
    with the mel-energy prior it is PriorGrad's (arXiv:2106.06406, eq. 5).

    Args:
        model: Its network is trained.
        loss: ``l1`` or ``l2``.
    """

    def __init__(self, model: Model, loss: str) -> None:
        super().__init__()
        self.model = model
        self.power = {"l1": 1, "l2": 2}[loss]
        self.log_mel = None if model.config.mel is None else LogMel(model.config.mel)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """The mean over the batch, and nothing else to log."""
        return self.per_item(batch.wave, batch.t, batch.white).mean(), {}

    def per_item(self, wave: Wave, t: Times, white: Wave) -> Float[Tensor, " batch"]:
        """The loss of each crop."""
        model = self.model
        with torch.no_grad():
            mel = None if self.log_mel is None else self.log_mel(wave)
            if mel is not None:
                mel = mel[..., : wave.shape[-1] // model.config.network.hop_length]
            x0 = model.codec.encode(wave)
            eps = model.prior.color(white, mel)
            alpha, sigma = model.schedule.alpha(t), model.schedule.sigma(t)
            x_t = expand(alpha, x0) * x0 + expand(sigma, x0) * eps
            y = output_from_x0(model.config.target, model.schedule, t, x0, eps)
        network = Whitened(model.network, model.prior, mel)
        y_hat = network(x_t, model.network.level(model.schedule, t))
        return model.prior.whiten(y - y_hat, mel).abs().pow(self.power).mean(-1)

"""Statistics of bands: guidance by the mean and the deviation of each over time."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Denoiser, State, Times
from audiodiff.guidance.contract import Context

PerBand = Float[Tensor, "batch bands 1"]
PerFrame = Float[Tensor, "batch 1 frames"]


@dataclass(frozen=True)
class BandStatistics:
    """``x0_hat <- mean + std (x0_hat - m) / s``, m and s the estimate's own in each band.

    The nearest state that has the statistics, as adaptive instance normalisation makes it of a
    network's features (arXiv:1703.06868). For states of bands and frames.

    Attributes:
        mean: Mean of each band.
        std: Standard deviation of each band.
        weight: Share of each frame in the statistics; they add up to 1.
    """

    mean: PerBand
    std: PerBand
    weight: PerFrame

    def acts_at(self, step: int, n_steps: int) -> bool:
        """Always."""
        return True

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        """The denoiser whose estimate has the statistics."""

        def moved(x_t: State, t: Times) -> State:
            x0 = denoise(x_t, t)
            mean, std = statistics(x0, self.weight)
            return self.mean + self.std * (x0 - mean) / std.clamp(min=1e-3)

        return moved


def statistics(x: Float[Tensor, "batch bands frames"], weight: PerFrame) -> tuple[PerBand, PerBand]:
    """Mean and standard deviation of each band over time.

    Args:
        x: A state.
        weight: Share of each frame; they add up to 1.
    """
    mean = (x * weight).sum(-1, keepdim=True)
    return mean, ((x - mean).square() * weight).sum(-1, keepdim=True).sqrt()

"""Data of two classes, of which everything that guidance needs is known."""

from collections.abc import Callable

import torch

from audiodiff._types import Condition, Denoiser
from audiodiff.codecs import Waveform
from audiodiff.diffusion.priors import Unit
from audiodiff.diffusion.schedules import Cosine
from audiodiff.guidance import Context
from audiodiff.guidance.contract import StateClassifier

F64 = torch.float64
SCHEDULE = Cosine()
LABEL = {"label": torch.tensor([0])}


def context(
    of: Callable[[Condition], Denoiser],
    scale: float,
    cond: Condition = LABEL,
    classifier: StateClassifier | None = None,
) -> Context:
    """What a guidance knows of a run, with a denoiser for each condition."""

    def denoiser(asked: Condition, n_copies: int = 1) -> Denoiser:
        assert n_copies == 1
        return of(asked)

    load = None if classifier is None else lambda name: classifier
    return Context(SCHEDULE, Waveform(), Unit(), cond, 2000, denoiser, scale=scale, classifier=load)


class Mixture:
    """Two classes, N(-1, s^2) and N(1, s^2): the log-density of x_t, and from it the estimate."""

    means, std = torch.tensor([-1.0, 1.0], dtype=F64), 0.4

    def log_density(self, x_t: torch.Tensor, t: torch.Tensor, classes: list[int]) -> torch.Tensor:
        return self.exponents(x_t, t)[..., classes].logsumexp(-1)

    def exponents(self, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        alpha, sigma = SCHEDULE.alpha(t), SCHEDULE.sigma(t)
        variance = (alpha * self.std) ** 2 + sigma**2
        distance = x_t[..., None] - alpha[:, None, None] * self.means
        return -distance.square() / (2 * variance[:, None, None])

    def log_p(self, x_t: torch.Tensor, t: torch.Tensor) -> dict[str, torch.Tensor]:
        """The classifier: ``log p(class | x_t, t)`` of items of one number, by Bayes' rule."""
        return {"label": self.exponents(x_t, t)[:, 0].log_softmax(-1)}

    def estimate(self, log_density: Callable[[torch.Tensor], torch.Tensor]) -> Denoiser:
        """Tweedie's formula: ``x0_hat = (x_t + sigma^2 score) / alpha``."""

        def denoise(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            with torch.enable_grad():
                at = x_t.detach().requires_grad_()
                (score,) = torch.autograd.grad(log_density(at).sum(), at)
            alpha, sigma = SCHEDULE.alpha(t)[:, None], SCHEDULE.sigma(t)[:, None]
            return (x_t + sigma**2 * score) / alpha

        return denoise

    def denoiser(self, classes: list[int]) -> Denoiser:
        """The best estimate where the class is one of these."""

        def denoise(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return self.estimate(lambda x: self.log_density(x, t, classes))(x_t, t)

        return denoise

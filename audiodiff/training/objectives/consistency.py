"""Consistency models: the estimate is the same all along a path, so one step goes to its end."""

import math
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from audiodiff._types import State, Times
from audiodiff.config import StepCount
from audiodiff.diffusion.targets import diffused, expand, scaled
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.samplers.exponential import first_order_weights
from audiodiff.training.objectives.contract import Batch, Objective, Setting
from audiodiff.training.objectives.diffusion import DEV_TIMES, Clean, DiffusionLoss
from audiodiff.training.objectives.distillation import (
    DistillationConfig,
    Teacher,
    check_ends,
    student_of,
    teacher_of,
)


class ConsistencyConfig(DistillationConfig):
    """The figures of consistency training, or with a teacher of consistency distillation.

    Times have the distribution ``diffusion.times``; ``logit-normal`` is the papers' lognormal for
    the rectified flow, where logit t is log(sigma / alpha).

    Attributes:
        teacher: The teacher: a model of this package, a model directory, or the id ``owner/name``
            of a model on the Hugging Face Hub; None to learn from recordings alone.
        n_first: Number of equal steps from noise to sound at the beginning of training.
        n_last: Number of those steps at its end.
        huber: The error, in deviations of the noise, below which the loss is of its square and
            above which it is of the error itself.
    """

    kind: Literal["consistency"] = "consistency"
    teacher: str | None = None
    n_first: StepCount = 10
    n_last: StepCount = 1280
    huber: Annotated[float, Field(gt=0, le=1e6)] = 5.4e-4

    def check(self, model: ModelConfig, setting: Setting) -> None:
        """Refuses targets whose estimate is not right at both ends, and numbers that fall."""
        super().check(model, setting)
        if self.n_first > self.n_last:
            raise ValueError(
                f"objective.n_first={self.n_first} is above objective.n_last={self.n_last}; the "
                "number of steps only grows"
            )
        check_ends(self.kind, model)

    def build(self, model: Model, setting: Setting) -> "ConsistencyLoss":
        """The objective of a run."""
        teacher = None if self.teacher is None else teacher_of(self.teacher, model.config)
        return ConsistencyLoss(self, self.diffusion.build(model, setting), teacher)


class ConsistencyLoss(Objective):
    """``sqrt(|x0_hat(x_t, t) - x0_hat(x_r, r)|^2 + c^2) - c``, without gradient at r.

    [0, 1] is divided into n equal steps, t and r < t being the ends of one. x_r lies on the
    teacher's path from x_t, a DDIM step away (arXiv:2303.01469, algorithm 2), or without a teacher
    has the same recording and noise as x_t (algorithm 3). The boundary condition, that at r = 0 the
    estimate is the state itself, holds for the estimates from v and velocity, in which sigma
    multiplies the network's output: c_skip and c_out of the paper are part of them.

    As in arXiv:2310.14189, the network is its own target, not an average of its weights; the
    distance is pseudo-Huber; and n doubles at equal shares of the training from n_first to n_last,
    but no further than 1 / t_min. The weight 1 / (t - r) is the same for all crops, and left out.

    Args:
        config: The number of steps and c.
        diffusion: The diffusion loss of the student, whose crops and times these are.
        teacher: The teacher; None to learn from recordings alone.
    """

    def __init__(
        self, config: ConsistencyConfig, diffusion: DiffusionLoss, teacher: Teacher | None
    ) -> None:
        super().__init__()
        self.model, self.diffusion, self.teacher = diffusion.model, diffusion, teacher
        self.huber, self.n_first = config.huber, config.n_first
        self.n_last = min(config.n_last, round(1 / self.model.schedule.t_min))

    def n_steps(self, progress: float) -> int:
        """The number of steps from noise to sound at a share of the training."""
        doublings = math.ceil(math.log2(max(1, self.n_last / self.n_first)))
        n = self.n_first * 2 ** math.floor(progress * (doublings + 1))
        return min(n, self.n_last)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean over the batch, and the number of steps to log."""
        n = self.n_steps(batch.progress)
        t = self.diffusion.times.at(batch.places, self.model.schedule.t_min)
        loss = self.of(self.diffusion.clean(batch), t.to(batch.wave.device), n)
        return loss.mean(), {"train/n_steps": torch.tensor(float(n))}

    def of(self, clean: Clean, t: Times, n: int) -> Float[Tensor, " batch"]:
        """The loss of each crop at the step of n in which its time lies."""
        model, schedule = self.model, self.model.schedule
        student = student_of(model, clean)
        shape = student.whitened.shape
        upper = (t * n).ceil().clamp(1, n)
        t, r = upper / n, (upper - 1) / n
        with torch.no_grad():
            eps = model.prior.color(clean.white, shape)
            x_t = diffused(schedule, t, clean.x0, eps)
            x_r = self._before(clean, x_t, eps, t, r)
            # A network is never called at 0, where its level may be infinite.
            x0 = student(x_r, torch.where(r > 0, r, t))
            x0 = torch.where(expand(r, x0) > 0, x0, x_r)
        error = model.prior.whiten(student(x_t, t) - x0, shape).square()
        return (self.diffusion.mean(error, clean.mask) + self.huber**2).sqrt() - self.huber

    def on_dev(self, batch: Batch) -> dict[str, float]:
        """The loss at each of `DEV_TIMES` in the last number of steps, and their mean."""
        clean, losses = self.diffusion.clean_of_dev(batch), {}
        for level in DEV_TIMES:
            t = torch.full((len(clean.x0),), level, dtype=torch.float64, device=clean.x0.device)
            losses[f"dev/loss_t{level:.2f}"] = self.of(clean, t, self.n_last).mean().item()
        return losses | {"dev/loss": sum(losses.values()) / len(losses)}

    def _before(self, clean: Clean, x_t: State, eps: State, t: Times, r: Times) -> State:
        """x_r, on the same path as x_t."""
        schedule = self.model.schedule
        if self.teacher is None:
            return diffused(schedule, r, clean.x0, eps)
        n_samples = clean.x0.shape[-1] * self.model.codec.hop_length
        x0 = self.teacher.denoiser(clean.cond, n_samples)(x_t, t)
        kept, new = first_order_weights(schedule, t, r)
        return scaled(kept, x_t) + scaled(new, x0)

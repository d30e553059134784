"""Progressive distillation: a student that takes one step where its teacher takes two."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from audiodiff._types import State, Times
from audiodiff.diffusion.targets import diffused, expand
from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model
from audiodiff.training.objectives.contract import Batch, Objective, Setting
from audiodiff.training.objectives.diffusion import Clean, DiffusionLoss, even
from audiodiff.training.objectives.distillation import (
    DistillationConfig,
    Teacher,
    of_two_steps,
    student_of,
    teacher_of,
)

N_DEV = 8
"""The most steps of the student at which the loss is measured on dev crops."""


class ProgressiveConfig(DistillationConfig):
    """The figures of progressive distillation.

    The student's run takes the steps of ``model.sampling.times``, which are every second one of
    its teacher's. To go from 64 steps to one takes six such runs, each one's student being the
    next one's teacher, as `audiodiff distill` makes them.

    Attributes:
        teacher: The teacher: a model of this package, a model directory, or the id ``owner/name``
            of a model on the Hugging Face Hub.
    """

    kind: Literal["progressive"] = "progressive"
    teacher: str

    def build(self, model: Model, setting: Setting) -> "ProgressiveLoss":
        """The objective of a run."""
        diffusion = self.diffusion.build(model, setting)
        return ProgressiveLoss(diffusion, teacher_of(self.teacher, model.config))


class ProgressiveLoss(Objective):
    """``(1 + alpha^2 / sigma^2) |x0_hat - x0_teacher|^2`` (arXiv:2202.00512, algorithm 2).

    x0_teacher is the estimate with which one DDIM step from t to r ends where the teacher's two
    steps do, over m between them. As DDIM is linear in the estimates, it is a mean of the two that
    the teacher makes, at t and at m, and at the last step the one at m. The weight, the paper's
    "SNR + 1", is that of the loss of v for a variance-preserving schedule. The estimates are
    compared, whatever the network's target is.

    Args:
        diffusion: The diffusion loss of the student, whose crops these are.
        teacher: The teacher.

    Raises:
        AudiodiffError: If the student's times are not every second one of the teacher's.
    """

    def __init__(self, diffusion: DiffusionLoss, teacher: Teacher) -> None:
        super().__init__()
        self.model, self.diffusion, self.teacher = diffusion.model, diffusion, teacher
        self.n_steps = self.model.n_steps
        times, own = teacher.times(2 * self.n_steps), self.model.times()
        if not torch.equal(times[::2], own):
            raise AudiodiffError(
                f"model.sampling.times={own.tolist()} are not every second one of the teacher's "
                f"{2 * self.n_steps} steps of ddim; give {times[::2].tolist()}"
            )
        self.register_buffer("times", times, persistent=False)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean over the batch, each crop at the step that its place says."""
        steps = (even(batch.places) * self.n_steps).long().to(batch.wave.device)
        return self.of(self.diffusion.clean(batch), steps).mean(), {}

    def of(self, clean: Clean, steps: Int[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """The loss of each crop at a step of the student, counted from 0."""
        model, schedule = self.model, self.model.schedule
        student = student_of(model, clean)
        shape = student.whitened.shape
        t, m, r = (self.get_buffer("times")[2 * steps + i] for i in range(3))
        with torch.no_grad():
            x_t = diffused(schedule, t, clean.x0, model.prior.color(clean.white, shape))
            x0 = self._target(clean, x_t, t, m, r)
        error = model.prior.whiten(student(x_t, t) - x0, shape).square()
        weight = 1 + (schedule.alpha(t) / schedule.sigma(t)).square()
        return self.diffusion.mean(expand(weight, error) * error, clean.mask)

    def on_dev(self, batch: Batch) -> dict[str, float]:
        """The loss at steps of the student, at most `N_DEV` of them, and their mean."""
        clean, losses = self.diffusion.clean_of_dev(batch), {}
        n = min(N_DEV, self.n_steps)
        for step in sorted({i * (self.n_steps - 1) // max(1, n - 1) for i in range(n)}):
            steps = torch.full((len(clean.x0),), step, device=clean.x0.device)
            losses[f"dev/loss_step{step + 1}"] = self.of(clean, steps).mean().item()
        return losses | {"dev/loss": sum(losses.values()) / len(losses)}

    def _target(self, clean: Clean, x_t: State, t: Times, m: Times, r: Times) -> State:
        """x0_teacher of a step from t to r by way of m."""
        schedule, n_frames = self.model.schedule, clean.x0.shape[-1]
        teacher = self.teacher.denoiser(clean.cond, n_frames * self.model.codec.hop_length)
        return of_two_steps(schedule, x_t, (t, m, r), lambda x, at, _: teacher(x, at))

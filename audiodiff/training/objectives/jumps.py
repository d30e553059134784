"""What shortcut models and MeanFlow share: estimates of whole steps, of any length.

The network is told where a step ends. Its estimate ``X(x_t, t, r)`` is the one with which a DDIM
step from t to r ends where the flow does:

``x_r = k x_t + (alpha_r - k alpha_t) X(x_t, t, r)``, ``k = sigma_r / sigma_t``.

It is a mean of x0_hat over the way, and x0_hat itself where r = t. On the rectified flow,
``(x_t - X) / t`` is the average velocity of both papers; in this form it serves every schedule.
"""

from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from audiodiff._types import State, Times
from audiodiff.diffusion.targets import diffused, expand
from audiodiff.model.config import ModelConfig
from audiodiff.training.objectives.contract import Batch, Objective, Setting
from audiodiff.training.objectives.diffusion import DEV_TIMES, Clean, DiffusionLoss
from audiodiff.training.objectives.distillation import (
    DistillationConfig,
    Teacher,
    check_ends,
    some_of,
    student_of,
)

DEV_STEPS = (1, 2, 4)
"""Numbers of steps of the runs at whose steps the loss is measured on dev crops."""


class JumpsConfig(DistillationConfig):
    """The base of the figures of an objective for whole steps.

    Attributes:
        teacher: The teacher: a model of this package, a model directory, or the id ``owner/name``
            of a model on the Hugging Face Hub; None to learn from recordings alone.
        jumps: Share of the crops of each batch that train the estimate of a whole step; the others
            train that at a time alone.
    """

    trains_end: ClassVar[bool] = True

    teacher: str | None = None
    jumps: Annotated[float, Field(gt=0, lt=1)] = 0.25

    def check(self, model: ModelConfig, setting: Setting) -> None:
        """Refuses a network that is not told the step's end, and a batch that has no part of it."""
        super().check(model, setting)
        check_ends(self.kind, model)
        if not model.network.takes_end:
            network = model.network
            remedy = (
                "set model.network.takes_end=true"
                if network.can_take_end
                else "distil it by 'progressive' or 'consistency'"
            )
            raise ValueError(
                f"objective.kind={self.kind!r} needs a network that takes the end of the step, "
                f"which network.kind={network.kind!r} does not; {remedy}"
            )
        if setting.batch_size < 2:
            raise ValueError(
                f"batch_size={setting.batch_size} but objective.kind={self.kind!r} trains two "
                "parts of each batch; give 2 or more"
            )

    def n_jumps(self, batch_size: int) -> int:
        """Crops of a batch that train the estimate of a whole step; at least one does not."""
        return min(max(1, round(self.jumps * batch_size)), batch_size - 1)


class JumpsLoss(Objective):
    """``(1 + alpha^2 / sigma^2) |X - target|^2`` over both parts of a batch.

    At a time alone the target is the teacher's estimate, or without a teacher the recording. That
    for whole steps is the method's. The weight is as in `ProgressiveLoss`.

    Args:
        config: The share of whole steps.
        diffusion: The diffusion loss of the student, whose crops and times these are.
        teacher: The teacher; None to learn from recordings alone.
    """

    def __init__(
        self, config: JumpsConfig, diffusion: DiffusionLoss, teacher: Teacher | None
    ) -> None:
        super().__init__()
        self.model, self.diffusion, self.teacher = diffusion.model, diffusion, teacher
        self.n_jumps = config.n_jumps

    def steps_at(self, places: range) -> tuple[Times, Times]:
        """The beginnings and ends of the steps of places in the training sequence."""
        raise NotImplementedError

    def target(self, clean: Clean, x_t: State, t: Times, r: Times) -> State:
        """The estimate that the network should give for steps from t to r."""
        raise NotImplementedError

    def weighted(self, loss: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """The losses of crops as they are minimised."""
        return loss

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean over the batch, and that of each part to log."""
        clean, places, device = self.diffusion.clean(batch), batch.places, batch.wave.device
        n = self.n_jumps(len(places))
        t, r = (time.to(device) for time in self.steps_at(places[:n]))
        now = self.diffusion.times.at(places[n:], self.model.schedule.t_min).to(device)
        jumps = self.of_jumps(some_of(clean, range(n)), t, r)
        still = self.of_times(some_of(clean, range(n, len(places))), now)
        parts = {"train/jumps": jumps.detach().mean(), "train/still": still.detach().mean()}
        return self.weighted(torch.cat([jumps, still])).mean(), parts

    def of_times(self, clean: Clean, t: Times) -> Float[Tensor, " batch"]:
        """The loss of each crop at a time alone."""
        x_t = self.state(clean, t)
        return self._distance(clean, x_t, t, t, self.now(clean, x_t, t))

    def of_jumps(self, clean: Clean, t: Times, r: Times) -> Float[Tensor, " batch"]:
        """The loss of each crop for a step from t to r."""
        x_t = self.state(clean, t)
        with torch.no_grad():
            target = self.target(clean, x_t, t, r)
        return self._distance(clean, x_t, t, r, target)

    def state(self, clean: Clean, t: Times) -> State:
        """The crops diffused to a time."""
        prior = self.model.prior
        return diffused(
            self.model.schedule, t, clean.x0, prior.color(clean.white, prior.condition(clean.cond))
        )

    @torch.no_grad()
    def now(self, clean: Clean, x_t: State, t: Times) -> State:
        """The teacher's estimate, or without a teacher the recording."""
        if self.teacher is None:
            return clean.x0
        n_samples = clean.x0.shape[-1] * self.model.codec.hop_length
        return self.teacher.denoiser(clean.cond, n_samples)(x_t, t)

    def _distance(
        self, clean: Clean, x_t: State, t: Times, r: Times, target: State
    ) -> Float[Tensor, " batch"]:
        model, schedule = self.model, self.model.schedule
        student = student_of(model, clean)
        estimate = student.toward(r)(x_t, t)
        error = model.prior.whiten(estimate - target, student.whitened.shape).square()
        weight = 1 + (schedule.alpha(t) / schedule.sigma(t)).square()
        return self.diffusion.mean(expand(weight, error) * error, clean.mask)

    def on_dev(self, batch: Batch) -> dict[str, float]:
        """The loss at each of `DEV_TIMES`, at the steps of runs of `DEV_STEPS`, and their mean."""
        clean, losses = self.diffusion.clean_of_dev(batch), {}
        ones = torch.ones(len(clean.x0), dtype=torch.float64, device=clean.x0.device)
        for level in DEV_TIMES:
            losses[f"dev/loss_t{level:.2f}"] = self.of_times(clean, level * ones).mean().item()
        for n in DEV_STEPS:
            first = torch.arange(len(ones), device=ones.device) % n  # a step for each crop in turn
            t, r = ((first + i) / n * ones for i in (1, 0))
            losses[f"dev/loss_steps{n}"] = self.of_jumps(clean, t, r).mean().item()
        return losses | {"dev/loss": sum(losses.values()) / len(losses)}

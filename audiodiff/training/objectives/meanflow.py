"""MeanFlow: the mean over a step is tied to its own derivative along the path."""

import math
import warnings
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from audiodiff._types import State, Times
from audiodiff.diffusion.denoiser import NetDenoiser
from audiodiff.diffusion.targets import TARGETS, rate, scaled, x0_weights
from audiodiff.model.model import Model
from audiodiff.samplers.exponential import first_order_weights
from audiodiff.training.objectives.contract import Setting
from audiodiff.training.objectives.diffusion import Clean, DiffusionLoss, even
from audiodiff.training.objectives.distillation import Teacher, student_of, teacher_of
from audiodiff.training.objectives.jumps import JumpsConfig, JumpsLoss


class MeanFlowConfig(JumpsConfig):
    """The figures of MeanFlow.

    Attributes:
        jumps: Share of the crops of each batch that train the mean over a step; the others train
            the estimate at a time alone.
        power: The power p of the weight ``1 / (error + 1e-3)^p`` of each crop: 0 for the squared
            error, 1/2 for the error itself, 1 so that all crops pull alike.
    """

    kind: Literal["meanflow"] = "meanflow"
    jumps: Annotated[float, Field(gt=0, lt=1)] = 0.75
    power: Annotated[float, Field(ge=0, le=2)] = 0.5

    def build(self, model: Model, setting: Setting) -> "MeanFlowLoss":
        """The objective of a run."""
        teacher = None if self.teacher is None else teacher_of(self.teacher, model.config)
        return MeanFlowLoss(self, self.diffusion.build(model, setting), teacher)


class MeanFlowLoss(JumpsLoss):
    """The end of a step does not move along the path that leads to it (arXiv:2505.13447, eq. 6).

    Differentiated along the path, ``x_r = k x_t + n X``, ``n = alpha_r - k alpha_t``, gives

    ``X = X + k (x0_hat - X) + n / c dX/dt``, ``c = alpha' - alpha sigma' / sigma``,

    whose right side, without a gradient, is the target; on the rectified flow it is the paper's
    ``v - (t - r) du/dt``. The derivative of the network along ``dx_t/dt`` is a forward one (a
    Jacobian-vector product), in float32. It costs about two calls more and no memory for backward.

    Args:
        config: The share of whole steps, and the weight's power.
        diffusion: The diffusion loss of the student, whose crops and times these are.
        teacher: The teacher; None to learn from recordings alone.
    """

    def __init__(
        self, config: MeanFlowConfig, diffusion: DiffusionLoss, teacher: Teacher | None
    ) -> None:
        super().__init__(config, diffusion, teacher)
        self.power = config.power

    def steps_at(self, places: range) -> tuple[Times, Times]:
        """Two times of the diffusion loss for each place, the later one being the end."""
        other = torch.tensor([place * math.sqrt(2) % 1 for place in places], dtype=torch.float64)
        one, two = (self.diffusion.times.of(shares, 0.0) for shares in (even(places), other))
        t_min = self.model.schedule.t_min
        return torch.maximum(one, two).clamp(min=t_min), torch.minimum(one, two)

    def target(self, clean: Clean, x_t: State, t: Times, r: Times) -> State:
        """The mean of which the derivative along the path says what the student's own lacks."""
        schedule = self.model.schedule
        alpha_rate, sigma_rate = TARGETS["velocity"](schedule, t)
        of_x = sigma_rate / schedule.sigma(t)
        of_x0 = alpha_rate - schedule.alpha(t) * of_x
        x0 = self.now(clean, x_t, t)
        velocity = scaled(of_x, x_t) + scaled(of_x0, x0)
        mean, slope = along(student_of(self.model, clean).toward(r), x_t, t, velocity)
        kept, new = first_order_weights(schedule, t, r)
        return mean + scaled(kept, x0 - mean) + scaled(new / of_x0, slope)

    def weighted(self, loss: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """The losses of crops, those of great errors less."""
        return loss / (loss.detach() + 1e-3) ** self.power


def along(student: NetDenoiser, x_t: State, t: Times, velocity: State) -> tuple[State, State]:
    """The estimate, and its derivative with respect to t along a path.

    Args:
        student: The estimate.
        x_t: The state.
        t: Its time.
        velocity: dx_t/dt of the path.
    """

    def weights(of: int) -> tuple[Times, Times]:
        """A weight of the estimate, and its rate."""
        f = lambda at: x0_weights(student.target, student.schedule, at)[of]  # noqa: E731
        return f(t), rate(f, t)

    with (
        sdpa_kernel(SDPBackend.MATH),  # other kernels of attention have no forward derivative
        torch.autocast(x_t.device.type, enabled=False),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch, for its own use of jit
        made = torch.func.jvp(student.output, (x_t, t), (velocity, torch.ones_like(t)))
    y, y_rate = made[0], made[1]
    (of_x, of_x_rate), (of_y, of_y_rate) = weights(0), weights(1)
    mean = scaled(of_x, x_t) + scaled(of_y, y)
    slope = scaled(of_x_rate, x_t) + scaled(of_x, velocity)
    return mean, slope + scaled(of_y_rate, y) + scaled(of_y, y_rate)

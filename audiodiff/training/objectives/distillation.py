"""What distillations share: the teacher, and crops as the diffusion loss has them."""

from collections.abc import Callable, Sequence

from pydantic import Field
from torch import nn

from audiodiff._types import Condition, Denoiser, Schedule, State, Times
from audiodiff.conditioning.parts import selected
from audiodiff.diffusion.denoiser import NetDenoiser
from audiodiff.diffusion.targets import scaled
from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.guidance.contract import guided
from audiodiff.model.config import ModelConfig
from audiodiff.model.hub import model_directory
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.samplers.exponential import first_order_weights
from audiodiff.training.objectives.contract import ObjectiveConfig, Setting
from audiodiff.training.objectives.diffusion import Clean, DiffusionConfig

SHARED = ("sample_rate", "mel", "labels", "infill", "schedule", "prior")
"""What a student has in common with its teacher, beside the codec's states."""


class DistillationConfig(ObjectiveConfig):
    """The base of the figures of a distillation.

    Attributes:
        diffusion: Figures of the diffusion loss, of which these count here too: labels left open,
            masks, the weight of frequencies above the mel's, and for consistency the times.
    """

    diffusion: DiffusionConfig = Field(default_factory=DiffusionConfig)

    def check(self, model: ModelConfig, setting: Setting) -> None:
        """Refuses what the diffusion loss does."""
        self.diffusion.check(model, setting)


class Teacher(nn.Module):
    """A frozen model, with the guidance that its student learns.

    Guidance that has a scale, such as classifier-free, is part of the estimate, at the model's
    default scale, so that the student needs none. Other guidance stays in the student's own run.

    Args:
        model: The model.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model.eval().requires_grad_(False)
        self.guidance = [steer for steer in model.config.sampling.guidance if steer.has_scale]

    def denoiser(self, cond: Condition, n_samples: int) -> Denoiser:
        """The estimate with the guidance.

        Args:
            cond: The condition.
            n_samples: Length of the sound in samples.
        """
        context = self.model.context(cond, n_samples)
        return guided(context.denoiser(cond), self.guidance, context, step=0, n_steps=1)

    def times(self, n_steps: int) -> TimeGrid:
        """The times of a run of that many DDIM steps."""
        return self.model.times(Run("ddim", n_steps))


def teacher_of(name: str, student: ModelConfig) -> Teacher:
    """Reads the teacher of a student.

    Args:
        name: Name of a model in this package, path of a model directory, or hub id ``owner/name``.
        student: The student's config.

    Raises:
        AudiodiffError: If there is no such model, it makes other states or takes another condition
            than the student, or its guidance acts at some steps of a run only.
    """
    model = Model.load(model_directory(name))
    fits = {part: getattr(model.config, part) == getattr(student, part) for part in SHARED}
    fits["codec"] = model.config.codec.has_states_of(student.codec)
    for part, fit in fits.items():
        if not fit:
            raise AudiodiffError(
                f"the teacher {name} does not fit the student, which has another {part}; give both "
                "the same"
            )
    teacher = Teacher(model)
    for steer in teacher.guidance:
        # At which of a student's steps, which are fewer, would be anyone's guess.
        if not all(steer.acts_at(step, 3) for step in range(3)):
            raise AudiodiffError(
                f"the teacher {name} has guidance of kind {steer.kind!r} that acts at some steps "
                "only, which no student can learn; give it log_snr instead of steps"
            )
    return teacher


def student_of(model: Model, clean: Clean) -> NetDenoiser:
    """The estimate of a model in training for the condition of crops."""
    config, prior, cond = model.config, model.prior, clean.cond
    takes_end = config.network.takes_end
    return NetDenoiser(
        model.network, model.schedule, config.target, prior, cond, takes_end=takes_end
    )


def some_of(clean: Clean, chosen: Sequence[int]) -> Clean:
    """Some of the crops."""
    items, mask = list(chosen), clean.mask
    cond = selected(clean.cond, items)
    return Clean(clean.x0[items], clean.white[items], cond, None if mask is None else mask[items])


def check_ends(kind: str, model: ModelConfig) -> None:
    """Refuses targets whose estimate is not right at both ends.

    The estimate from x0 is not the state where there is no noise, and those from eps and score
    divide by alpha, which is zero or next to it at t = 1.

    Raises:
        ValueError: If the model predicts one of them.
    """
    if model.target not in ("v", "velocity"):
        raise ValueError(
            f"objective.kind={kind!r} needs a model that predicts v or velocity, not "
            f"{model.target!r}; distil it by 'progressive', which takes any"
        )


def of_two_steps(
    schedule: Schedule,
    x_t: State,
    times: tuple[Times, Times, Times],
    estimate: Callable[[State, Times, Times], State],
) -> State:
    """The estimate with which one DDIM step from t to r ends where two do, by way of m.

    As DDIM is linear in the estimates, it is a mean of both, and for r = 0 the second one.

    Args:
        schedule: The noise schedule.
        x_t: The state.
        times: t, m and r.
        estimate: The estimate of a state at a time, for a step to another.
    """
    t, m, r = times
    first = estimate(x_t, t, m)
    kept, new = first_order_weights(schedule, t, m)
    second = estimate(scaled(kept, x_t) + scaled(new, first), m, r)
    (kept, of_second), (_, whole) = (first_order_weights(schedule, s, r) for s in (m, t))
    return scaled(kept * new / whole, first) + scaled(of_second / whole, second)

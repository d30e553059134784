"""Shortcut models: the network is told how long a step is, and long steps learn from short ones."""

from typing import Annotated, Literal

import torch
from pydantic import AfterValidator

from audiodiff._types import State, Times
from audiodiff.config import StepCount
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.training.objectives.contract import Setting
from audiodiff.training.objectives.diffusion import Clean, DiffusionLoss, even
from audiodiff.training.objectives.distillation import (
    Teacher,
    of_two_steps,
    student_of,
    teacher_of,
)
from audiodiff.training.objectives.jumps import JumpsConfig, JumpsLoss


def _power_of_two(n: int) -> int:
    if n < 2 or n & (n - 1):
        raise ValueError(f"{n} is no power of two above 1, e.g. 128")
    return n


class ShortcutConfig(JumpsConfig):
    """The figures of shortcut models.

    Attributes:
        n_most: Number of steps of the longest run, a power of two; a step of half that length
            is as the estimate at a time alone.
    """

    kind: Literal["shortcut"] = "shortcut"
    n_most: Annotated[StepCount, AfterValidator(_power_of_two)] = 128

    def check(self, model: ModelConfig, setting: Setting) -> None:
        """Refuses a model whose run takes other steps than those that are trained."""
        super().check(model, setting)
        times, n = model.sampling.times, len(model.sampling.times) - 1
        if n > self.n_most or n & (n - 1) or times != tuple(1 - i / n for i in range(n + 1)):
            raise ValueError(
                f"objective.kind='shortcut' needs model.sampling.times of 1, 2, 4 ... "
                f"{self.n_most} equal steps from 1 to 0, not {list(times)}"
            )

    def build(self, model: Model, setting: Setting) -> "ShortcutLoss":
        """The objective of a run."""
        teacher = None if self.teacher is None else teacher_of(self.teacher, model.config)
        return ShortcutLoss(self, self.diffusion.build(model, setting), teacher)


class ShortcutLoss(JumpsLoss):
    """One step of length 2d should end where two of length d do (arXiv:2410.12557, eq. 5).

    Runs have 1, 2, 4 ... n_most equal steps. The two halves of a step are taken with the network's
    own estimates, without a gradient; those of the shortest step with that at a time alone. As in
    `ConsistencyLoss` the network is its own target, not an average of its weights.

    Args:
        config: The share of whole steps, and the number of the shortest.
        diffusion: The diffusion loss of the student, whose crops and times these are.
        teacher: The teacher; None to learn from recordings alone.
    """

    def __init__(
        self, config: ShortcutConfig, diffusion: DiffusionLoss, teacher: Teacher | None
    ) -> None:
        super().__init__(config, diffusion, teacher)
        self.n_most = config.n_most

    def steps_at(self, places: range) -> tuple[Times, Times]:
        """The steps of places: every number of steps is as likely, and every step of each."""
        shares = even(places) * self.n_most.bit_length()
        n = 2 ** shares.floor()
        first = ((shares % 1) * n).floor()
        return (first + 1) / n, first / n

    def target(self, clean: Clean, x_t: State, t: Times, r: Times) -> State:
        """The estimate of a step by two of half its length."""
        student, m = student_of(self.model, clean), (t + r) / 2
        shortest = t - r < 1.5 / self.n_most

        def estimate(x: State, now: Times, then: Times) -> State:
            return student.toward(torch.where(shortest, now, then))(x, now)

        return of_two_steps(self.model.schedule, x_t, (t, m, r), estimate)

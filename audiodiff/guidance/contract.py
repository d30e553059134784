"""The contract of guidance, and what it may know of the run that it steers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

import torch
from jaxtyping import Bool, Float
from pydantic import AfterValidator
from torch import Tensor

from audiodiff._types import (
    Codec,
    Condition,
    Denoiser,
    Mel,
    Prior,
    Schedule,
    State,
    StepDenoiser,
    Times,
    Wave,
)
from audiodiff.config import Config
from audiodiff.mel.log_mel import MelConfig


@runtime_checkable
class DenoiserMaker(Protocol):
    """Makes a model's own denoiser for a condition."""

    def __call__(self, asked: Condition, n_copies: int = 1) -> Denoiser:
        """The denoiser.

        Args:
            asked: The condition.
            n_copies: Number of copies of the run's items, one after another, in the condition and
                in the states that the denoiser is called with.
        """


@runtime_checkable
class StateClassifier(Protocol):
    """Tells the classes of noisy states."""

    def __call__(self, x_t: State, t: Times) -> Mapping[str, Float[Tensor, "batch _"]]:
        """``log p(label | x_t, t)`` of every class of each kind of label, by the kind's name."""


@dataclass(frozen=True)
class Context:
    """What a guidance may know of a run.

    Attributes:
        schedule: The noise schedule.
        codec: The way between waves and states.
        prior: The covariance of the noise.
        cond: The condition of the run.
        n_samples: Length of the sound in samples.
        denoiser: Makes the model's own denoiser for another condition, such as ``{}``, which asks
            for anything.
        null: The condition that guidance leads away from: the run's negative text, or nothing.
        mel: The model's mel; None for a model without one.
        project: Projects a wave onto a mel by a number of passes; None for a model without a mel.
        scale: The run's guidance scale: 1 is the conditional model, 0 the unconditional one.
        classifier: Loads a classifier of the model's states by its name; None if there is none.
    """

    schedule: Schedule
    codec: Codec
    prior: Prior
    cond: Condition
    n_samples: int
    denoiser: DenoiserMaker
    null: Condition = field(default_factory=dict)
    mel: MelConfig | None = None
    project: Callable[[Wave, Mel, int], Wave] | None = None
    scale: float = 1.0
    classifier: Callable[[str], StateClassifier] | None = None

    def toward(self, r: Times) -> "Context":
        """The context of a step to r, whose denoisers know that end if the network takes it."""

        def denoiser(asked: Condition, n_copies: int = 1) -> Denoiser:
            return toward(self.denoiser(asked, n_copies), r.repeat(n_copies))

        return replace(self, denoiser=denoiser)


def toward(denoise: Denoiser, r: Times) -> Denoiser:
    """The denoiser of a step to r: itself unless it can be told that end."""
    return denoise.toward(r) if isinstance(denoise, StepDenoiser) else denoise


@runtime_checkable
class Guidance(Protocol):
    """What steers a run: a wrapper of its denoiser, in the steps where it acts."""

    def acts_at(self, step: int, n_steps: int) -> bool:
        """Whether it wraps the denoiser of a step, counted from 0."""

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        """The steered denoiser."""


Steps: TypeAlias = Literal["all", "last", "before-last"]
"""The steps of a run at which a guidance acts; ``before-last`` is all but the last."""


def is_among(step: int, n_steps: int, steps: Steps) -> bool:
    """Whether a step, counted from 0, is among the named ones.

    >>> [is_among(n, 3, "before-last") for n in range(3)]
    [True, True, False]
    """
    return steps == "all" or (step == n_steps - 1) == (steps == "last")


def _rising(interval: tuple[float, float]) -> tuple[float, float]:
    if not interval[0] < interval[1]:
        raise ValueError(f"{interval} must rise")
    return interval


Rising: TypeAlias = Annotated[tuple[float, float], AfterValidator(_rising)]
"""Ends of an interval of log-SNR, the least first."""


def is_inside(interval: tuple[float, float] | None, level: Times) -> Bool[Tensor, " batch"]:
    """Whether each log-SNR lies in an interval; all do where there is none.

    >>> is_inside((-1.0, 2.0), torch.tensor([-3.0, 0.0]))
    tensor([False,  True])
    """
    if interval is None:
        return torch.ones_like(level, dtype=torch.bool)
    return (interval[0] <= level) & (level <= interval[1])


class GuidanceAtSteps(Config):
    """The base of a guidance that a model's config holds, which acts at some of a run's steps.

    Attributes:
        parts: Parts of the condition that it reads.
        codecs: Kinds of codec that it works on; None for any.
        in_graphs: Whether it can be part of an exported graph.
        has_scale: Whether the run's guidance scale changes what it does.
        steps: Steps at which it acts.
    """

    in_graphs: ClassVar[bool] = True
    has_scale: ClassVar[bool] = False
    parts: ClassVar[tuple[str, ...]] = ()
    codecs: ClassVar[tuple[str, ...] | None] = None
    steps: Steps = "all"

    def acts_at(self, step: int, n_steps: int) -> bool:
        """Whether a step, counted from 0, is among its `steps`."""
        return is_among(step, n_steps, self.steps)


def guided(
    denoise: Denoiser,
    guidance: Sequence[Guidance],
    context: Context | None,
    step: int,
    n_steps: int,
) -> Denoiser:
    """The denoiser of one step, with the guidance that acts there.

    Args:
        denoise: The model's own denoiser.
        guidance: The wrappers, the innermost first.
        context: What guidance may know of the run; needed if there is any guidance.
        step: Index of the step, from 0.
        n_steps: Number of steps of the run.
    """
    for steer in guidance:
        if steer.acts_at(step, n_steps):
            assert context is not None, "callers with guidance give its context"
            denoise = steer(denoise, context)
    return denoise

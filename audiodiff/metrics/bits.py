"""How likely a model holds recordings: what `audiodiff evaluate --likelihood` finds."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from audiodiff.config import Config
from audiodiff.metrics.summary import Summary, summarize

ESTIMATES: tuple[Literal["flow", "bound"], ...] = ("flow", "bound")
"""By the probability flow, and by the variational bound."""


class Estimate(Config):
    """A mean over random draws.

    Attributes:
        mean: The mean.
        error: Its standard error.
    """

    mean: float
    error: float


class ClipBits(Config):
    """The likelihood of a clip in bits per number: the less, the more usual the clip.

    Attributes:
        name: Its id, as its folder's lists write it.
        labels: Labels under which it is judged, by kind; those left out may be anything.
        n_numbers: Numbers in its state.
        flow: By the probability flow.
        bound: By the variational bound, which is never less up to its error.
    """

    name: str
    labels: dict[str, str]
    n_numbers: int
    flow: Estimate
    bound: Estimate


class BitsEvaluation(Config):
    """The likelihood of a folder of recordings.

    Attributes:
        model: Name of the model.
        quantity: The quantity whose density it is.
        scale: What a difference of 1 in the model's state is in that quantity: the density of the
            state has log2(scale) bits less per number.
        clips: The recordings, by their names.
        summary: The mean over clips of each of `ESTIMATES`.
        failed: Why a file could not be judged, by its path.
    """

    model: str
    quantity: str
    scale: float
    clips: tuple[ClipBits, ...]
    summary: dict[str, Summary]
    failed: dict[str, str] = Field(default_factory=dict)


def summary_of(clips: Sequence[ClipBits]) -> dict[str, Summary]:
    """The mean over clips of each of `ESTIMATES`, with its confidence interval."""
    return {name: summarize([getattr(clip, name).mean for clip in clips]) for name in ESTIMATES}

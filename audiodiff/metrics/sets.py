"""A set of made sounds against a set of recordings, as a judge hears both."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from audiodiff._types import Wave
from audiodiff.conditioning.labels import LabelSets
from audiodiff.config import Config
from audiodiff.errors import AudiodiffError
from audiodiff.metrics.distributions import SET_METRICS, Features, Others, nearest

Guesses: TypeAlias = Mapping[str, Float[Tensor, "clips _"]]
"""The probability of each class of each clip, by kind of label."""


@runtime_checkable
class Judge(Protocol):
    """A classifier of recordings, whose features say how alike two sounds are."""

    @property
    def sample_rate(self) -> int:
        """Sample rate of the sounds in Hz."""

    @property
    def labels(self) -> LabelSets:
        """The classes of each kind of label that it tells apart."""

    def features(self, wave: Wave) -> Features:
        """The features of each sound."""

    def probabilities(self, wave: Wave) -> Guesses:
        """The probability of each class, for each kind of label."""


class Heard(NamedTuple):
    """What a judge makes of a set of clips.

    Attributes:
        features: A row for each clip.
        guesses: The likeliest class of each clip, by kind of label.
        labels: The true label of each clip by kind, as far as they are known.
    """

    features: Features
    guesses: Mapping[str, Sequence[str]]
    labels: Sequence[Mapping[str, str]]

    @property
    def n_clips(self) -> int:
        """Number of clips."""
        return len(self.labels)


class Accuracy(Config):
    """How often a judge hears the class that a clip should be of.

    Attributes:
        share: Share of the clips.
        n_clips: Number of clips with a label of this kind.
    """

    share: float
    n_clips: int


class Distance(Config):
    """How far the clips of one set are from the nearest of another.

    Attributes:
        median: Median over the clips.
        least: The least distance of any clip.
    """

    median: float
    least: float


class SetScores(Config):
    """A set of clips against the reference.

    Attributes:
        n_clips: Number of clips.
        scores: A score for each of `SET_METRICS`; None where there are too few clips.
        accuracy: How often the judge hears the clips' own class, by kind of label.
        nearest: Distances to the nearest clip of other sets, by their names.
    """

    n_clips: int
    scores: dict[str, float | None] = Field(default_factory=dict)
    accuracy: dict[str, Accuracy]
    nearest: dict[str, Distance]


class SetEvaluation(Config):
    """What a judge makes of generated sounds, and of recordings for comparison.

    Attributes:
        encoder: Name of the judge.
        n_features: Number of its features.
        generated: The generated sounds against the reference.
        reference: The reference itself: its accuracy, and its distances to the training clips.
        train: As many training clips as there are generated sounds, or all if there are fewer,
            against the reference; None without training clips.
        left_out: Why a metric was not computed, by the metric's name.
        failed: Why a file could not be judged, by its path.
    """

    encoder: str
    n_features: int
    generated: SetScores
    reference: SetScores
    train: SetScores | None = None
    left_out: dict[str, str] = Field(default_factory=dict)
    failed: dict[str, str] = Field(default_factory=dict)


def evaluate_sets(
    encoder: str,
    reference: Heard,
    generated: Heard,
    train: Heard | None = None,
    failed: Mapping[str, str] | None = None,
) -> SetEvaluation:
    """Scores a set of generated sounds, and recordings in the same way.

    Args:
        encoder: Name of the judge.
        reference: Recordings that the generator was not trained on.
        generated: The generated sounds.
        train: The recordings that it was trained on; None to leave out whether it repeats them.
        failed: Why a file could not be judged, by its path.
    """
    left_out: dict[str, str] = {}
    own, trained = {"reference": reference}, {} if train is None else {"train": train}
    return SetEvaluation(
        encoder=encoder,
        n_features=reference.features.shape[1],
        generated=_scored(generated, own | trained, left_out),
        reference=_scored(reference, trained, {}),
        train=None if train is None else _scored(_some(train, generated.n_clips), own, {}),
        left_out=left_out,
        failed=dict(failed or {}),
    )


def _scored(clips: Heard, others: Mapping[str, Heard], left_out: dict[str, str]) -> SetScores:
    """A set against the reference, if that is among the others; adds why a metric is left out."""
    scores: dict[str, float | None] = {}
    for name, metric in SET_METRICS.items() if "reference" in others else ():
        try:
            scores[name] = metric.function(others["reference"].features, clips.features)
        except AudiodiffError as error:
            scores[name], left_out[name] = None, str(error)
    return SetScores(
        n_clips=clips.n_clips,
        scores=scores,
        accuracy=_accuracy(clips),
        nearest={name: _distance(clips.features, other.features) for name, other in others.items()},
    )


def _accuracy(clips: Heard) -> dict[str, Accuracy]:
    found = {}
    for kind, guesses in clips.guesses.items():
        pairs = zip(guesses, clips.labels, strict=True)
        right = [guess == labels[kind] for guess, labels in pairs if kind in labels]
        if right:
            found[kind] = Accuracy(share=sum(right) / len(right), n_clips=len(right))
    return found


def _distance(clips: Features, others: Others) -> Distance:
    distances = nearest(clips, others)
    return Distance(median=distances.median().item(), least=distances.min().item())


def _some(clips: Heard, n: int) -> Heard:
    """At most n of the clips, chosen at random."""
    places = torch.randperm(clips.n_clips, generator=torch.Generator().manual_seed(0))[:n].tolist()
    return Heard(
        clips.features[places],
        {kind: [guesses[i] for i in places] for kind, guesses in clips.guesses.items()},
        [clips.labels[i] for i in places],
    )

"""Labels: classes by name, and as the indices that networks take."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import torch

from audiodiff._types import Condition
from audiodiff.config import shown
from audiodiff.errors import AudiodiffError

LabelSets: TypeAlias = Mapping[str, Sequence[str]]
"""The classes of each kind of label by its name; a model with one kind names it ``label``."""

ONLY = "label"
"""The name of the kind of label of a model with one kind."""


def index_of(label: str, labels: Sequence[str], kind: str = ONLY) -> int:
    """The index of a label among those of its kind.

    Examples:
        >>> index_of("seven", ["six", "seven"])
        1

    Args:
        label: The label.
        labels: All labels of the kind.
        kind: Name of the kind, for the message.

    Raises:
        AudiodiffError: If there is no such label.
    """
    if label not in labels:
        known = f"has {', '.join(labels)}" if labels else "has no labels"
        raise AudiodiffError(f"{kind}={label!r}: this model {known}; choose accordingly")
    return list(labels).index(label)


def labels_asked(label: str | Mapping[str, str] | None, sets: LabelSets) -> Condition:
    """The condition of one sound, with its labels as indices.

    Examples:
        >>> labels_asked({"speaker": "theo"}, {"digit": ["zero"], "speaker": ["jackson", "theo"]})
        {'speaker': tensor([1])}

    Args:
        label: The label of each kind by its name, or the label of a model with one kind; what is
            left out may be anything.
        sets: The labels of a model.

    Raises:
        AudiodiffError: If the model has no such kind, or the kind no such label.
    """
    if label is None:
        return {}
    if not isinstance(label, str | Mapping):
        raise AudiodiffError(
            f"label={shown(label)}: give a name, or a mapping such as {{'digit': 'seven'}}"
        )
    asked = {ONLY: label} if isinstance(label, str) else label
    for kind in asked:
        if sets and kind not in sets:
            named = f"label={label!r}" if isinstance(label, str) else f"label: {kind!r}"
            first = next(iter(sets))
            raise AudiodiffError(
                f"{named}: this model has labels for {', '.join(sets)}; give them by these names, "
                f"such as {first}={sets[first][0]}"
            )
    return {
        kind: torch.tensor([index_of(name, sets.get(kind, ()), kind)])
        for kind, name in asked.items()
    }

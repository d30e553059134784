"""Labels: classes by name, and as the indices that networks take."""

from collections.abc import Sequence

from audiodiff.errors import AudiodiffError


def index_of(label: str, labels: Sequence[str]) -> int:
    """The index of a label among a model's.

    Example:
        >>> index_of("seven", ["six", "seven"])
        1

    Raises:
        AudiodiffError: If the model has no such label.
    """
    if label not in labels:
        known = f"has {', '.join(labels)}" if labels else "has no labels"
        raise AudiodiffError(f"label={label!r}: this model {known}; choose accordingly")
    return list(labels).index(label)

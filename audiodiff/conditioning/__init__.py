"""What a run is asked for: a mel, a label or a text, each of which may be dropped."""

from audiodiff._types import Condition
from audiodiff.conditioning.labels import index_of
from audiodiff.conditioning.parts import (
    OPEN,
    can_be_open,
    joined,
    left_open,
    moved,
    selected,
    without,
)

__all__ = [
    "OPEN",
    "Condition",
    "can_be_open",
    "index_of",
    "joined",
    "left_open",
    "moved",
    "selected",
    "without",
]

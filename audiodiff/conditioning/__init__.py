"""What a run is asked for: a mel or a label, each of which may be dropped."""

from audiodiff._types import Condition
from audiodiff.conditioning.labels import index_of
from audiodiff.conditioning.parts import joined, moved, selected, without

__all__ = ["Condition", "index_of", "joined", "moved", "selected", "without"]

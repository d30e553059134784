"""What reads the texts of a network, by name."""

from typing import Annotated, TypeAlias

from audiodiff.config import of_kind
from audiodiff.networks.frozen_text import FrozenTextConfig
from audiodiff.networks.text import BytesConfig, ReaderConfig
from audiodiff.networks.words import WordsConfig

TEXTS: dict[str, type[ReaderConfig]] = {
    "bytes": BytesConfig,
    "clap": FrozenTextConfig,
    "t5": FrozenTextConfig,
    "words": WordsConfig,
}
"""The config of everything that reads texts by the name that a network's config gives as ``kind``.

Assign to it to add one.
"""

AnyText: TypeAlias = Annotated[ReaderConfig, of_kind(TEXTS, default="words")]
"""The field type for configs that hold what reads texts."""

"""The kinds of guidance by name."""

from typing import Annotated, Protocol, TypeAlias

from audiodiff.config import Config, of_kind
from audiodiff.guidance.classifier import ClassifierGuidance
from audiodiff.guidance.classifier_free import ClassifierFree
from audiodiff.guidance.contract import Guidance
from audiodiff.guidance.mel_consistency import MelConsistency
from audiodiff.guidance.noise_above_mel import NoiseAboveMel

GUIDANCE: dict[str, type[Config]] = {
    "classifier": ClassifierGuidance,
    "classifier-free": ClassifierFree,
    "mel-consistency": MelConsistency,
    "noise-above-mel": NoiseAboveMel,
}
"""Every guidance by the name that a config gives as ``kind``; assign to it to add one."""


class StoredGuidance(Guidance, Protocol):
    """A guidance that a model's config holds: a `Config` that says what it needs."""

    @property
    def kind(self) -> str:
        """Its name in `GUIDANCE`."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Parts of the condition that it reads."""

    @property
    def codecs(self) -> tuple[str, ...] | None:
        """Kinds of codec that it works on; None for any."""

    @property
    def in_graphs(self) -> bool:
        """Whether it can be part of an exported graph."""

    @property
    def has_scale(self) -> bool:
        """Whether the run's guidance scale changes what it does."""


GuidanceConfig: TypeAlias = Annotated[StoredGuidance, of_kind(GUIDANCE)]
"""The field type for configs that hold a guidance."""

"""The objectives by name."""

from typing import Annotated, TypeAlias

from audiodiff.config import of_kind
from audiodiff.training.objectives.adversarial import AdversarialConfig
from audiodiff.training.objectives.autoencoder import AutoencoderLossConfig
from audiodiff.training.objectives.classifier import CrossEntropyConfig
from audiodiff.training.objectives.consistency import ConsistencyConfig
from audiodiff.training.objectives.contract import ObjectiveConfig
from audiodiff.training.objectives.diffusion import DiffusionConfig
from audiodiff.training.objectives.meanflow import MeanFlowConfig
from audiodiff.training.objectives.progressive import ProgressiveConfig
from audiodiff.training.objectives.shortcut import ShortcutConfig
from audiodiff.training.objectives.spectral import SpectralConfig

OBJECTIVES: dict[str, type[ObjectiveConfig]] = {
    "adversarial": AdversarialConfig,
    "autoencoder": AutoencoderLossConfig,
    "classifier": CrossEntropyConfig,
    "consistency": ConsistencyConfig,
    "diffusion": DiffusionConfig,
    "meanflow": MeanFlowConfig,
    "progressive": ProgressiveConfig,
    "shortcut": ShortcutConfig,
    "spectral": SpectralConfig,
}
"""The config of every objective by the name that a run's config gives as ``kind``.

Assign to it to add one.
"""

AnyObjective: TypeAlias = Annotated[ObjectiveConfig, of_kind(OBJECTIVES)]
"""The field type for configs that hold an objective."""

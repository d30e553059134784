"""The objectives that a trainer minimises, one a file."""

from audiodiff.training.objectives.adversarial import AdversarialConfig, AdversarialLoss
from audiodiff.training.objectives.autoencoder import AutoencoderLoss, AutoencoderLossConfig
from audiodiff.training.objectives.classifier import CrossEntropy, CrossEntropyConfig
from audiodiff.training.objectives.consistency import ConsistencyConfig, ConsistencyLoss
from audiodiff.training.objectives.contract import Batch, Objective, ObjectiveConfig
from audiodiff.training.objectives.diffusion import DiffusionConfig, DiffusionLoss
from audiodiff.training.objectives.meanflow import MeanFlowConfig, MeanFlowLoss
from audiodiff.training.objectives.progressive import ProgressiveConfig, ProgressiveLoss
from audiodiff.training.objectives.registry import OBJECTIVES
from audiodiff.training.objectives.shortcut import ShortcutConfig, ShortcutLoss
from audiodiff.training.objectives.spectral import SpectralConfig, SpectralLoss

__all__ = [
    "OBJECTIVES",
    "AdversarialConfig",
    "AdversarialLoss",
    "AutoencoderLoss",
    "AutoencoderLossConfig",
    "Batch",
    "ConsistencyConfig",
    "ConsistencyLoss",
    "CrossEntropy",
    "CrossEntropyConfig",
    "DiffusionConfig",
    "DiffusionLoss",
    "MeanFlowConfig",
    "MeanFlowLoss",
    "Objective",
    "ObjectiveConfig",
    "ProgressiveConfig",
    "ProgressiveLoss",
    "ShortcutConfig",
    "ShortcutLoss",
    "SpectralConfig",
    "SpectralLoss",
]

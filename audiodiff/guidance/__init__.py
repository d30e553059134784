"""What steers a run: wrappers of a denoiser, one a file."""

from audiodiff.guidance.ceiling import Ceiling, LevelCeiling
from audiodiff.guidance.classifier import ClassifierGuidance
from audiodiff.guidance.classifier_free import ClassifierFree
from audiodiff.guidance.contract import Context, Guidance, GuidanceAtSteps
from audiodiff.guidance.inpainting import KnownState, KnownWave
from audiodiff.guidance.linear import LinearObservation
from audiodiff.guidance.mel_consistency import MelConsistency
from audiodiff.guidance.noise_above_mel import NoiseAboveMel
from audiodiff.guidance.registry import GUIDANCE
from audiodiff.guidance.statistics import BandStatistics

__all__ = [
    "GUIDANCE",
    "BandStatistics",
    "Ceiling",
    "ClassifierFree",
    "ClassifierGuidance",
    "Context",
    "Guidance",
    "GuidanceAtSteps",
    "KnownState",
    "KnownWave",
    "LevelCeiling",
    "LinearObservation",
    "MelConsistency",
    "NoiseAboveMel",
]

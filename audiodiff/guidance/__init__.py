"""What steers a run: wrappers of a denoiser, one a file."""

from audiodiff.guidance.classifier import ClassifierGuidance
from audiodiff.guidance.classifier_free import ClassifierFree
from audiodiff.guidance.contract import Context, Guidance, GuidanceAtSteps
from audiodiff.guidance.inpainting import KnownState, KnownWave
from audiodiff.guidance.mel_consistency import MelConsistency
from audiodiff.guidance.noise_above_mel import NoiseAboveMel
from audiodiff.guidance.registry import GUIDANCE

__all__ = [
    "GUIDANCE",
    "ClassifierFree",
    "ClassifierGuidance",
    "Context",
    "Guidance",
    "GuidanceAtSteps",
    "KnownState",
    "KnownWave",
    "MelConsistency",
    "NoiseAboveMel",
]

"""The forward process: schedules, targets, times, priors, noise, and the denoised estimate."""

from audiodiff._types import Denoiser, NoiseSource, Prior, Schedule
from audiodiff.diffusion.denoiser import NetDenoiser
from audiodiff.diffusion.noise import NoiseTape
from audiodiff.diffusion.priors import PRIORS, PriorConfig
from audiodiff.diffusion.schedules import SCHEDULES
from audiodiff.diffusion.targets import TARGETS, expand, scaled
from audiodiff.diffusion.times import TIMES, log_snr

__all__ = [
    "PRIORS",
    "SCHEDULES",
    "TARGETS",
    "TIMES",
    "Denoiser",
    "NetDenoiser",
    "NoiseSource",
    "NoiseTape",
    "Prior",
    "PriorConfig",
    "Schedule",
    "expand",
    "log_snr",
    "scaled",
]

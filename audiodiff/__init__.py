"""Diffusion vocoders: mel spectrograms in, sound out, in few steps.

Example:
    >>> import torch
    >>> from audiodiff import Vocoder
    >>> vocoder = Vocoder.from_pretrained("default")
    >>> mel = vocoder.mel(torch.randn(1, 22050) / 10)
    >>> vocoder(mel, n_steps=2).shape
    torch.Size([1, 22016])
"""

from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import LogMel, MelConfig
from audiodiff.mel.presets import PRESETS
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.pipelines.generator import Generator
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.samplers.registry import SAMPLERS

__all__ = [
    "PRESETS",
    "SAMPLERS",
    "AudiodiffError",
    "Generator",
    "LogMel",
    "MelConfig",
    "Model",
    "ModelConfig",
    "Run",
    "Vocoder",
]

"""Diffusion vocoders: mel spectrograms in, sound out, in few steps.

Example:
    >>> import torch
    >>> from audiodiff import Vocoder
    >>> vocoder = Vocoder.from_pretrained("default")
    >>> mel = vocoder.mel(torch.randn(1, 22050) / 10)
    >>> vocoder(mel, n_steps=2).shape
    torch.Size([1, 22016])
"""

from audiodiff.audio.mel import LogMel, MelConfig
from audiodiff.audio.presets import PRESETS
from audiodiff.errors import AudiodiffError
from audiodiff.model import Model
from audiodiff.model_config import ModelConfig
from audiodiff.samplers.loop import SAMPLERS
from audiodiff.vocoder import Vocoder

__all__ = [
    "PRESETS",
    "SAMPLERS",
    "AudiodiffError",
    "LogMel",
    "MelConfig",
    "Model",
    "ModelConfig",
    "Vocoder",
]

"""Mel spectrograms: front-ends, presets, files, checks, conversion, projection."""

from audiodiff.mel.log_mel import LogMel, MelConfig
from audiodiff.mel.presets import PRESETS

__all__ = ["PRESETS", "LogMel", "MelConfig"]

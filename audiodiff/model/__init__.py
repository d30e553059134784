"""A model: a directory with its config, its weights and the times that were found for it."""

from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.model.run import Run

__all__ = ["Model", "ModelConfig", "Run"]

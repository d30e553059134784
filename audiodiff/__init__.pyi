from .errors import AudiodiffError as AudiodiffError
from .mel.log_mel import LogMel as LogMel
from .mel.log_mel import MelConfig as MelConfig
from .mel.presets import PRESETS as PRESETS
from .model.config import ModelConfig as ModelConfig
from .model.model import Model as Model
from .model.run import Run as Run
from .pipelines.editor import Editor as Editor
from .pipelines.generator import Generator as Generator
from .pipelines.upsampler import Upsampler as Upsampler
from .pipelines.vocoder import Vocoder as Vocoder
from .samplers.registry import SAMPLERS as SAMPLERS

__all__ = [
    "PRESETS",
    "SAMPLERS",
    "AudiodiffError",
    "Editor",
    "Generator",
    "LogMel",
    "MelConfig",
    "Model",
    "ModelConfig",
    "Run",
    "Upsampler",
    "Vocoder",
]

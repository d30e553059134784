"""Coqui TTS: ``vocoder_model.inference(mel)``."""

from jaxtyping import Float
from torch import Tensor

from audiodiff.adapters._call import SystemMel, SystemVocoder


class CoquiVocoder(SystemVocoder):
    """Takes the `coqui` mel: scaled to +-4, not normalised by mean and variance."""

    preset = "coqui"

    def inference(self, mel: SystemMel) -> Float[Tensor, "batch 1 samples"]:
        """The sound of mels."""
        return self._sound(mel)[:, None]

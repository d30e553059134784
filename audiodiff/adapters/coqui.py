"""Coqui TTS: ``vocoder_model.inference(mel)``."""

from jaxtyping import Float
from torch import Tensor

from audiodiff.adapters._call import Call, SystemMel
from audiodiff.model.model import DEFAULT
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder


class CoquiVocoder:
    """Takes the `coqui` mel: scaled to +-4, not normalised by mean and variance.

    Args:
        vocoder: The vocoder that makes the sound.
        run: The run: sampler, number of steps, seed.
        rate: Sample rate of the sound in Hz; the model's if None.
        transpose: Whether mels are (batch, frames, 80) instead of (batch, 80, frames).
    """

    def __init__(
        self,
        vocoder: Vocoder,
        run: Run = DEFAULT,
        rate: int | None = None,
        transpose: bool = False,
    ) -> None:
        self._sound = Call(vocoder, run, "coqui", rate, transpose)

    def inference(self, mel: SystemMel) -> Float[Tensor, "batch 1 samples"]:
        """The sound of mels."""
        return self._sound(mel)[:, None]

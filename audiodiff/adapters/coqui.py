"""Coqui TTS: ``vocoder_model.inference(mel)``."""

from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Mel
from audiodiff.model.model import DEFAULT
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder


class CoquiVocoder:
    """Takes the `coqui` mel: scaled to +-4, not normalised by mean and variance.

    Args:
        vocoder: The vocoder that makes the sound.
        run: The run: sampler, number of steps, seed.
        rate: Sample rate of the sound in Hz; the model's if None.
    """

    def __init__(self, vocoder: Vocoder, run: Run = DEFAULT, rate: int | None = None) -> None:
        self._vocoder, self._run, self._rate = vocoder, run, rate

    def inference(self, mel: Mel) -> Float[Tensor, "batch 1 samples"]:
        """The sound of a mel of shape (batch, 80, frames)."""
        return self._vocoder.make(mel, self._run, "coqui", self._rate)[:, None]

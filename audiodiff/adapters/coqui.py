"""Coqui TTS: ``vocoder_model.inference(mel)``."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Mel
from audiodiff.pipelines.vocoder import Vocoder


class CoquiVocoder:
    """Takes the `coqui` mel: scaled to +-4, not normalised by mean and variance.

    Args:
        vocoder: Makes the sound.
        run: As for a call of it: ``n_steps``, ``sampler``, ``seed``, ``rate``.
    """

    def __init__(self, vocoder: Vocoder, **run: Any) -> None:
        self._vocoder, self._run = vocoder, run

    def inference(self, mel: Mel) -> Float[Tensor, "batch 1 samples"]:
        """The sound of a mel of shape (batch, 80, frames)."""
        return self._vocoder(mel, preset="coqui", **self._run)[:, None]

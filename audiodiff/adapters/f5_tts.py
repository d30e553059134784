"""F5-TTS and other users of Vocos: ``vocoder.decode(mel)`` at 24000 Hz."""

from typing import Any

from torch import nn

from audiodiff._types import Mel, Wave
from audiodiff.pipelines.vocoder import Vocoder

RATE = 24000


class VocosLike(nn.Module):
    """Takes the `vocos` mel.

    Args:
        vocoder: Makes the sound, which is resampled to 24000 Hz.
        run: As for a call of it: ``n_steps``, ``sampler``, ``seed``.
    """

    def __init__(self, vocoder: Vocoder, **run: Any) -> None:
        super().__init__()
        self.model = vocoder.model
        self._vocoder, self._run = vocoder, run

    def decode(self, mel: Mel) -> Wave:
        """The sound of a mel of shape (batch, 100, frames)."""
        return self._vocoder(mel, preset="vocos", rate=RATE, **self._run)

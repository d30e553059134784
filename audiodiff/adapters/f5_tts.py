"""F5-TTS and other users of Vocos: ``vocoder.decode(mel)`` at 24000 Hz."""

from torch import nn

from audiodiff._types import Mel, Wave
from audiodiff.model.model import DEFAULT
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder

RATE = 24000


class VocosLike(nn.Module):
    """Takes the `vocos` mel.

    Args:
        vocoder: The vocoder that makes the sound, which is resampled to 24000 Hz.
        run: The run: sampler, number of steps, seed.
    """

    def __init__(self, vocoder: Vocoder, run: Run = DEFAULT) -> None:
        super().__init__()
        self.model = vocoder.model
        self._vocoder, self._run = vocoder, run

    def decode(self, mel: Mel) -> Wave:
        """The sound of a mel of shape (batch, 100, frames)."""
        return self._vocoder.make(mel, self._run, "vocos", RATE)

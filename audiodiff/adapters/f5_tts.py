"""F5-TTS and other users of Vocos: ``vocoder.decode(mel)`` at 24000 Hz."""

from torch import nn

from audiodiff._types import Wave
from audiodiff.adapters._call import Call, SystemMel
from audiodiff.model.run import DEFAULT, Run
from audiodiff.pipelines.vocoder import Vocoder

RATE = 24000


class VocosLike(nn.Module):
    """Takes the `vocos` mel.

    Args:
        vocoder: The vocoder that makes the sound, which is resampled to 24000 Hz.
        run: The run: sampler, number of steps, seed.
        transpose: Whether mels are (batch, frames, 100) instead of (batch, 100, frames).
    """

    def __init__(self, vocoder: Vocoder, run: Run = DEFAULT, transpose: bool = False) -> None:
        super().__init__()
        self.model = vocoder.model
        self._sound = Call(vocoder, run, "vocos", RATE, transpose)

    def decode(self, mel: SystemMel) -> Wave:
        """The sound of mels."""
        return self._sound(mel)

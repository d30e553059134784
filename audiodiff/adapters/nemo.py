"""NeMo: ``vocoder.convert_spectrogram_to_audio(spec=...)``."""

from audiodiff._types import Wave
from audiodiff.adapters._call import Call, SystemMel
from audiodiff.model.model import DEFAULT
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder


class NemoVocoder:
    """Takes the `nemo` mel.

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
        self._sound = Call(vocoder, run, "nemo", rate, transpose)

    def convert_spectrogram_to_audio(self, spec: SystemMel) -> Wave:
        """The sound of mels."""
        return self._sound(spec)

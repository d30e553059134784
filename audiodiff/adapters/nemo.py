"""NeMo: ``vocoder.convert_spectrogram_to_audio(spec=...)``."""

from audiodiff._types import Mel, Wave
from audiodiff.model.model import DEFAULT
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder


class NemoVocoder:
    """Takes the `nemo` mel.

    Args:
        vocoder: The vocoder that makes the sound.
        run: The run: sampler, number of steps, seed.
        rate: Sample rate of the sound in Hz; the model's if None.
    """

    def __init__(self, vocoder: Vocoder, run: Run = DEFAULT, rate: int | None = None) -> None:
        self._vocoder, self._run, self._rate = vocoder, run, rate

    def convert_spectrogram_to_audio(self, spec: Mel) -> Wave:
        """The sound of a mel of shape (batch, 80, frames)."""
        return self._vocoder.make(spec, self._run, "nemo", self._rate)

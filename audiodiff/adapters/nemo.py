"""NeMo: ``vocoder.convert_spectrogram_to_audio(spec=...)``."""

from typing import Any

from audiodiff._types import Mel, Wave
from audiodiff.pipelines.vocoder import Vocoder


class NemoVocoder:
    """Takes the `nemo` mel.

    Args:
        vocoder: Makes the sound.
        run: As for a call of it: ``n_steps``, ``sampler``, ``seed``, ``rate``.
    """

    def __init__(self, vocoder: Vocoder, **run: Any) -> None:
        self._vocoder, self._run = vocoder, run

    def convert_spectrogram_to_audio(self, spec: Mel) -> Wave:
        """The sound of a mel of shape (batch, 80, frames)."""
        return self._vocoder(spec, preset="nemo", **self._run)

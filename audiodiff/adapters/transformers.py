"""SpeechT5 and FastSpeech2Conformer of transformers: ``vocoder(spectrogram)``, frames first."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from audiodiff.pipelines.vocoder import Vocoder


class TransformersVocoder(nn.Module):
    """Takes the place of `SpeechT5HifiGan` or `FastSpeech2ConformerHifiGan`.

    Both acoustic models give plain mels; the normalisation is a part of those vocoders.

    Args:
        vocoder: Makes the sound.
        preset: Preset that the acoustic model was trained on: ``speecht5``, or ``espnet`` for
            FastSpeech2Conformer.
        rate: Sample rate of the sound in Hz: 16000 for SpeechT5, 22050 for FastSpeech2Conformer.
        run: As for a call of the vocoder: ``n_steps``, ``sampler``, ``seed``.
    """

    def __init__(
        self, vocoder: Vocoder, preset: str = "speecht5", rate: int = 16000, **run: Any
    ) -> None:
        super().__init__()
        self.model = vocoder.model
        self._vocoder = vocoder
        self._run: dict[str, Any] = {"preset": preset, "rate": rate} | run

    def forward(
        self, spectrogram: Float[Tensor, "*batch frames bands"]
    ) -> Float[Tensor, "*batch samples"]:
        """The sound of a mel of shape (batch, frames, bands) or (frames, bands)."""
        if spectrogram.ndim == 2:
            return self._vocoder(spectrogram.T[None], **self._run)[0]
        return self._vocoder(spectrogram.transpose(1, 2), **self._run)

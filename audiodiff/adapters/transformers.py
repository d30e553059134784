"""SpeechT5 and FastSpeech2Conformer of transformers: ``vocoder(spectrogram)``, frames first."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from audiodiff.pipelines.vocoder import Vocoder


class TransformersVocoder(nn.Module):
    """In the place of `SpeechT5HifiGan` or `FastSpeech2ConformerHifiGan`.

    The mels of both acoustic models are plain: it is those vocoders that take off a mean.

    Args:
        vocoder: Makes the sound.
        preset: What the acoustic model was trained on: ``speecht5``, or ``espnet`` for
            FastSpeech2Conformer.
        rate: Of the sound: 16000 for SpeechT5, 22050 for FastSpeech2Conformer.
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
        """The sound of (batch, frames, bands), or of (frames, bands)."""
        if spectrogram.ndim == 2:
            return self._vocoder(spectrogram.T[None], **self._run)[0]
        return self._vocoder(spectrogram.transpose(1, 2), **self._run)

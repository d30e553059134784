"""SpeechT5 and FastSpeech2Conformer of transformers: ``vocoder(spectrogram)``, frames first."""

from jaxtyping import Float
from torch import Tensor, nn

from audiodiff.adapters._call import Call
from audiodiff.model.run import DEFAULT, Run
from audiodiff.pipelines.vocoder import Vocoder


class TransformersVocoder(nn.Module):
    """Takes the place of `SpeechT5HifiGan` or `FastSpeech2ConformerHifiGan`.

    Both acoustic models give plain mels; the normalisation is a part of those vocoders.

    Args:
        vocoder: The vocoder that makes the sound.
        preset: Preset that the acoustic model was trained on: ``speecht5``, or ``espnet`` for
            FastSpeech2Conformer.
        rate: Sample rate of the sound in Hz: 16000 for SpeechT5, 22050 for FastSpeech2Conformer.
        run: The run: sampler, number of steps, seed.
    """

    def __init__(
        self,
        vocoder: Vocoder,
        preset: str = "speecht5",
        rate: int = 16000,
        run: Run = DEFAULT,
    ) -> None:
        super().__init__()
        self.model = vocoder.model
        self._sound = Call(vocoder, run, preset, rate, transpose=True)

    def forward(
        self, spectrogram: Float[Tensor, "*batch frames bands"]
    ) -> Float[Tensor, "*batch samples"]:
        """The sound of a mel of shape (batch, frames, bands) or (frames, bands)."""
        if spectrogram.ndim == 2:
            return self._sound(spectrogram[None])[0]
        return self._sound(spectrogram)

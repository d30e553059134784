"""AudioLDM2 of diffusers: ``vocoder(mel_spectrogram)``, and what its pipeline reads beside."""

from types import SimpleNamespace

from audiodiff.adapters.transformers import TransformersVocoder
from audiodiff.mel.presets import PRESETS
from audiodiff.model.model import DEFAULT
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder


class AudioLDM2Vocoder(TransformersVocoder):
    """In the place of ``pipeline.vocoder``, a `SpeechT5HifiGan`.

    Args:
        vocoder: The vocoder that makes the sound.
        run: The run: sampler, number of steps, seed.

    Attributes:
        config: ``model_in_dim`` bands, ``upsample_rates``, whose product is the hop, and
            ``sampling_rate``.
    """

    def __init__(self, vocoder: Vocoder, run: Run = DEFAULT) -> None:
        mel = PRESETS["audioldm2"]
        super().__init__(vocoder, "audioldm2", mel.sample_rate, run)
        self.config = SimpleNamespace(
            model_in_dim=mel.n_mels,
            upsample_rates=[mel.hop_length],
            sampling_rate=mel.sample_rate,
        )

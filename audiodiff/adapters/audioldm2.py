"""AudioLDM2 of diffusers: ``vocoder(mel_spectrogram)``, and what its pipeline reads beside."""

from types import SimpleNamespace
from typing import Any

from audiodiff.adapters.transformers import TransformersVocoder
from audiodiff.mel.presets import PRESETS
from audiodiff.pipelines.vocoder import Vocoder


class AudioLDM2Vocoder(TransformersVocoder):
    """In the place of ``pipeline.vocoder``, a `SpeechT5HifiGan`.

    Args:
        vocoder: Makes the sound.
        run: As for a call of the vocoder: ``n_steps``, ``sampler``, ``seed``.

    Attributes:
        config: ``model_in_dim`` bands, ``upsample_rates``, whose product is the hop, and
            ``sampling_rate``.
    """

    def __init__(self, vocoder: Vocoder, **run: Any) -> None:
        mel = PRESETS["audioldm2"]
        super().__init__(vocoder, "audioldm2", mel.sample_rate, **run)
        self.config = SimpleNamespace(
            model_in_dim=mel.n_mels,
            upsample_rates=[mel.hop_length],
            sampling_rate=mel.sample_rate,
        )

"""AudioLDM2 of diffusers: ``vocoder(mel_spectrogram)`` and the config that its pipeline reads."""

from types import SimpleNamespace
from typing import Any

from audiodiff.adapters.transformers import TransformersVocoder
from audiodiff.mel.presets import PRESETS
from audiodiff.pipelines.vocoder import Vocoder


class AudioLDM2Vocoder(TransformersVocoder):
    """Takes the place of ``pipeline.vocoder``, a `SpeechT5HifiGan`.

    Args:
        vocoder: Makes the sound.
        run: As for a call of the vocoder: ``n_steps``, ``sampler``, ``seed``.

    Attributes:
        config: What the pipeline reads: ``model_in_dim``, the number of bands;
            ``upsample_rates``, whose product is the hop; and ``sampling_rate`` in Hz.
    """

    def __init__(self, vocoder: Vocoder, **run: Any) -> None:
        mel = PRESETS["audioldm2"]
        super().__init__(vocoder, "audioldm2", mel.sample_rate, **run)
        self.config = SimpleNamespace(
            model_in_dim=mel.n_mels,
            upsample_rates=[mel.hop_length],
            sampling_rate=mel.sample_rate,
        )

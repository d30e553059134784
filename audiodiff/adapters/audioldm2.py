"""AudioLDM2 of diffusers: ``vocoder(mel_spectrogram)`` and the config that its pipeline reads."""

from types import SimpleNamespace

from audiodiff.adapters.transformers import TransformersVocoder
from audiodiff.mel.presets import PRESETS
from audiodiff.model.run import DEFAULT, Run
from audiodiff.pipelines.vocoder import Vocoder


class AudioLDM2Vocoder(TransformersVocoder):
    """Takes the place of ``pipeline.vocoder``, a `SpeechT5HifiGan`.

    Args:
        vocoder: The vocoder that makes the sound.
        run: The run: sampler, number of steps, seed.

    Attributes:
        config: What the pipeline reads: ``model_in_dim``, the number of bands;
            ``upsample_rates``, whose product is the hop; and ``sampling_rate`` in Hz.
    """

    def __init__(self, vocoder: Vocoder, run: Run = DEFAULT) -> None:
        mel = PRESETS["audioldm2"]
        super().__init__(vocoder, "audioldm2", mel.sample_rate, run)
        self.config = SimpleNamespace(
            model_in_dim=mel.n_mels,
            upsample_rates=[mel.hop_length],
            sampling_rate=mel.sample_rate,
        )

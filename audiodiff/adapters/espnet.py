"""ESPnet: ``vocoder(mel)``, with mels of shape (frames, bands) and an attribute ``fs``."""

from jaxtyping import Float
from torch import Tensor

from audiodiff.adapters._call import Call
from audiodiff.model.run import DEFAULT, Run
from audiodiff.pipelines.vocoder import Vocoder


class EspnetVocoder:
    """Takes the `espnet` mel, normalised as the acoustic model was trained on it.

    Args:
        vocoder: The vocoder that makes the sound.
        mean: Mean of the training mels, per band, which the acoustic model's output lacks; 0 where
            its output is plain.
        std: Standard deviation of the training mels, per band, by which they were divided.
        run: The run: sampler, number of steps, seed.
        rate: Sample rate of the sound in Hz; the model's if None.

    Attributes:
        fs: Sample rate of the sound in Hz.
    """

    def __init__(
        self,
        vocoder: Vocoder,
        mean: Float[Tensor, " bands"] | float = 0.0,
        std: Float[Tensor, " bands"] | float = 1.0,
        run: Run = DEFAULT,
        rate: int | None = None,
    ) -> None:
        self.fs = vocoder.sample_rate if rate is None else rate
        self._sound = Call(vocoder, run, "espnet", self.fs, transpose=True)
        self._mean, self._std = mean, std

    def __call__(self, mel: Float[Tensor, "frames bands"]) -> Float[Tensor, " samples"]:
        """The sound of one mel of shape (frames, bands)."""
        plain = mel * self._std + self._mean
        return self._sound(plain[None])[0]

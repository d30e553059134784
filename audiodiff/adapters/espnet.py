"""ESPnet: ``vocoder(mel)``, with mels of shape (frames, bands) and an attribute ``fs``."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from audiodiff.pipelines.vocoder import Vocoder


class EspnetVocoder:
    """Takes the `espnet` mel, normalised as the acoustic model was trained on it.

    Args:
        vocoder: Makes the sound.
        mean: Mean of the training mels per band, subtracted from the acoustic model's output; 0
            if that is plain.
        std: Standard deviation of the training mels per band, which divides that output; 1 if it
            is plain.
        run: As for a call of the vocoder: ``n_steps``, ``sampler``, ``seed``, ``rate``.

    Attributes:
        fs: Sample rate of the sound in Hz.
    """

    def __init__(
        self,
        vocoder: Vocoder,
        mean: Float[Tensor, " bands"] | float = 0.0,
        std: Float[Tensor, " bands"] | float = 1.0,
        **run: Any,
    ) -> None:
        self.fs: int = run.get("rate") or vocoder.sample_rate
        self._vocoder, self._run, self._mean, self._std = vocoder, run, mean, std

    def __call__(self, mel: Float[Tensor, "frames bands"]) -> Float[Tensor, " samples"]:
        """The sound of one mel of shape (frames, bands)."""
        plain = mel * self._std + self._mean
        return self._vocoder(plain.T[None], preset="espnet", **self._run)[0]

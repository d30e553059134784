"""ESPnet: ``vocoder(mel)`` of (frames, bands), with an attribute ``fs``."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from audiodiff.pipelines.vocoder import Vocoder


class EspnetVocoder:
    """Takes the `espnet` mel as the acoustic model was trained on it.

    Args:
        vocoder: Makes the sound.
        mean: Of the training mels, per band, which the acoustic model's output lacks; None where
            it is plain.
        std: Their deviation, by which it was divided.
        run: As for a call of the vocoder: ``n_steps``, ``sampler``, ``seed``, ``rate``.

    Attributes:
        fs: Sample rate of the sound.
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
        """The sound of one mel."""
        plain = mel * self._std + self._mean
        return self._vocoder(plain.T[None], preset="espnet", **self._run)[0]

"""Matcha-TTS: ``vocoder(mel).clamp(-1, 1)``, and a denoiser that reads ``vocoder.parameters()``."""

from jaxtyping import Float
from torch import Tensor, nn

from audiodiff._types import Mel
from audiodiff.model.model import DEFAULT
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder


class MatchaVocoder(nn.Module):
    """Takes the `hifigan` mel, once Matcha has undone its normalisation by mean and deviation.

    Args:
        vocoder: The vocoder that makes the sound.
        run: The run: sampler, number of steps, seed.
        rate: Sample rate of the sound in Hz; the model's if None.
    """

    def __init__(self, vocoder: Vocoder, run: Run = DEFAULT, rate: int | None = None) -> None:
        super().__init__()
        self.model = vocoder.model  # Matcha's denoiser asks for its parameters
        self._vocoder, self._run, self._rate = vocoder, run, rate

    def forward(self, mel: Mel) -> Float[Tensor, "batch 1 samples"]:
        """The sound of a mel of shape (batch, 80, frames)."""
        return self._vocoder.make(mel, self._run, "hifigan", self._rate)[:, None]

"""Matcha-TTS: ``vocoder(mel).clamp(-1, 1)``, and a denoiser that reads ``vocoder.parameters()``."""

from jaxtyping import Float
from torch import Tensor, nn

from audiodiff._types import Mel
from audiodiff.model.model import DEFAULT
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder


class MatchaVocoder(nn.Module):
    """Takes the `hifigan` mel after Matcha's own mean and deviation have been undone.

    Args:
        vocoder: The vocoder that makes the sound.
        run: The run: sampler, number of steps, seed.
        rate: Sample rate of the sound in Hz; the model's if None.
    """

    def __init__(self, vocoder: Vocoder, run: Run = DEFAULT, rate: int | None = None) -> None:
        super().__init__()
        self.model = vocoder.model  # whose parameters are asked for
        self._vocoder, self._run, self._rate = vocoder, run, rate

    def forward(self, mel: Mel) -> Float[Tensor, "batch 1 samples"]:
        """The sound of (batch, 80, frames)."""
        return self._vocoder.make(mel, self._run, "hifigan", self._rate)[:, None]

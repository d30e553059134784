"""Matcha-TTS: ``vocoder(mel).clamp(-1, 1)``, and a denoiser that reads ``vocoder.parameters()``."""

from jaxtyping import Float
from torch import Tensor, nn

from audiodiff.adapters._call import Call, SystemMel
from audiodiff.model.model import DEFAULT
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder


class MatchaVocoder(nn.Module):
    """Takes the `hifigan` mel, once Matcha has undone its normalisation by mean and deviation.

    Args:
        vocoder: The vocoder that makes the sound.
        run: The run: sampler, number of steps, seed.
        rate: Sample rate of the sound in Hz; the model's if None.
        transpose: Whether mels are (batch, frames, 80) instead of (batch, 80, frames).
    """

    def __init__(
        self,
        vocoder: Vocoder,
        run: Run = DEFAULT,
        rate: int | None = None,
        transpose: bool = False,
    ) -> None:
        super().__init__()
        self.model = vocoder.model  # Matcha's denoiser asks for its parameters
        self._sound = Call(vocoder, run, "hifigan", rate, transpose)

    def forward(self, mel: SystemMel) -> Float[Tensor, "batch 1 samples"]:
        """The sound of mels."""
        return self._sound(mel)[:, None]

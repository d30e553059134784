"""SpeechBrain: ``hifi_gan.decode_batch(mel, mel_lens, hop_len)``."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from audiodiff.adapters._call import Call, SystemMel
from audiodiff.model.model import DEFAULT
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder


class SpeechBrainVocoder:
    """Takes the `speechbrain` mel.

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
        self._sound = Call(vocoder, run, "speechbrain", rate, transpose)

    def decode_batch(
        self,
        mel: SystemMel,
        mel_lens: Int[Tensor, " batch"] | None = None,
        hop_len: int | None = None,
    ) -> Float[Tensor, "batch 1 samples"]:
        """The sound of mels, silent after each item's last frame.

        Args:
            mel: Mels padded at their ends to one length.
            mel_lens: Number of frames of each mel; all frames if None.
            hop_len: Samples per frame of the result; without it mel_lens has no effect.
        """
        wave = self._sound(mel)[:, None]
        if mel_lens is None or hop_len is None:
            return wave
        places = torch.arange(wave.shape[-1], device=wave.device)
        return wave * (places < (mel_lens.to(wave.device) * hop_len)[:, None, None])

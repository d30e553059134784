"""SpeechBrain: ``hifi_gan.decode_batch(mel, mel_lens, hop_len)``."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from audiodiff.adapters._call import SystemMel, SystemVocoder


class SpeechBrainVocoder(SystemVocoder):
    """Takes the `speechbrain` mel."""

    preset = "speechbrain"

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

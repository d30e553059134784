"""The codec of networks that work at STFT-frame rate."""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field, field_validator
from torch import Tensor

from audiodiff._types import Wave
from audiodiff.audio import frames
from audiodiff.codecs.contract import CodecConfig
from audiodiff.codecs.waveform import check_length
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import MAX_FFT, MelConfig

Spectrum = Float[Tensor, "batch 2 bins frames"]
"""A complex spectrogram as real numbers: real parts, then imaginary parts."""


class StftConfig(CodecConfig):
    """The complex spectrogram diffuses, at the mel's frames.

    Attributes:
        n_fft: Length of the Hann window and of the transform in samples, even.
    """

    kind: Literal["stft"] = "stft"
    n_fft: int = Field(default=1024, ge=2, le=MAX_FFT)

    @field_validator("n_fft")
    @classmethod
    def _even(cls, n_fft: int) -> int:
        if n_fft % 2:
            raise ValueError("n_fft must be even")
        return n_fft

    @property
    def n_bins(self) -> int:
        """Number of frequencies: all but the one at half the sample rate."""
        return self.n_fft // 2

    @property
    def shape(self) -> tuple[int, int]:
        """Real and imaginary parts, and bins."""
        return (2, self.n_bins)

    def build(self, mel: MelConfig | None) -> "Stft":
        """The codec, whose frames are the mel's.

        Raises:
            AudiodiffError: If there is no mel, or its hop is too long.
        """
        if mel is None:
            raise AudiodiffError("codec.kind='stft' needs a mel, whose frames it shares")
        return Stft(self, mel)


class Stft:
    """A complex spectrogram.

    The middle of frame m is that of the mel's frame m. The transform is divided by the root of the
    window's energy, so that white noise of unit variance has ``E|X|^2 = 1`` in every bin. The bin
    at half the sample rate, which holds next to nothing, is left out.

    Examples:
        >>> from audiodiff.mel.presets import PRESETS
        >>> wave = torch.randn(1, 40 * 256)
        >>> codec = Stft(StftConfig(), PRESETS["hifigan"])
        >>> spectrum = codec.encode(wave)
        >>> spectrum.shape
        torch.Size([1, 2, 512, 40])
        >>> (codec.decode(spectrum, 5120) - wave[:, :5120]).abs().max().item() < 0.2
        True

    Args:
        config: The length of the transform.
        mel: The mel whose frames the codec shares.

    Raises:
        AudiodiffError: If the frames overlap too little to recover a wave.
    """

    linear: bool = True

    def __init__(self, config: StftConfig, mel: MelConfig) -> None:
        if config.n_fft < 2 * mel.hop_length:
            raise AudiodiffError(
                f"codec.n_fft={config.n_fft} is less than two hops of {mel.hop_length} samples; "
                f"give at least {2 * mel.hop_length}"
            )
        self.n_fft, self.hop_length = config.n_fft, mel.hop_length
        self.radius = -(-config.n_fft // mel.hop_length)
        self.window = frames.hann(config.n_fft, config.n_fft, "periodic")
        self.scale = self.window.square().sum().sqrt().item()
        # From the first sample to the middle of the first frame.
        middle = mel.n_fft // 2 - mel.n_padding
        self.n_before = config.n_fft // 2 - middle

    def encode(self, wave: Wave) -> Spectrum:
        """(batch, 2, bins, samples / hop_length), with silence around the wave."""
        n_whole = wave.shape[-1] // self.hop_length * self.hop_length
        whole = wave.narrow(1, 0, n_whole).float()
        padded = frames.silence_around(whole, self.n_fft, self.hop_length, self.n_before)
        spectrum = frames.stft(padded, self.window.to(wave.device), self.hop_length)
        parts = torch.view_as_real(spectrum[:, :-1] / self.scale)
        return parts.permute(0, 3, 1, 2).contiguous()

    def decode(self, x: Spectrum, length: int) -> Wave:
        """The wave whose spectrogram is nearest to x.

        Raises:
            AudiodiffError: If x holds fewer frames than ``length`` samples need.
        """
        check_length(length, x.shape[-1] * self.hop_length)
        parts = torch.nn.functional.pad(x.float() * self.scale, (0, 0, 0, 1))
        spectrum = torch.view_as_complex(parts.permute(0, 2, 3, 1).contiguous())
        window = self.window.to(x.device)
        return frames.overlap_add(spectrum, window, self.hop_length, self.n_before, length)

"""The codec of networks that diffuse the wave itself."""

from typing import Literal

from audiodiff._types import State, Wave
from audiodiff.codecs.contract import CodecConfig
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import MelConfig


class WaveformConfig(CodecConfig):
    """The wave itself diffuses."""

    kind: Literal["waveform"] = "waveform"

    @property
    def shape(self) -> tuple[()]:
        """None: a state is (batch, samples)."""
        return ()

    @property
    def quantity(self) -> str:
        """The wave itself, full scale at +-1."""
        return "wave"

    def build(self, mel: MelConfig | None = None) -> "Waveform":
        """The codec, which ignores the mel."""
        return Waveform()


class Waveform:
    """The identity.

    Examples:
        >>> import torch
        >>> wave = torch.randn(1, 100)
        >>> torch.equal(Waveform().decode(Waveform().encode(wave), 80), wave[:, :80])
        True
    """

    linear: bool = True
    hop_length: int = 1
    radius: int = 0

    def encode(self, wave: Wave) -> State:
        """The wave as it is."""
        return wave

    def decode(self, x: State, length: int) -> Wave:
        """The first ``length`` samples.

        Raises:
            AudiodiffError: If x is shorter.
        """
        check_length(length, x.shape[-1])
        return x[..., :length]


def check_length(length: int, available: int) -> None:
    """Refuses to decode more samples than there are.

    Raises:
        AudiodiffError: If ``length`` exceeds ``available``.
    """
    if length > available:
        raise AudiodiffError(
            f"length={length} but x holds {available} samples; ask for no more than those"
        )

"""A judge that hears whether tones are low or high."""

import torch
from torch import Tensor

from audiodiff._types import Wave


class Pitch:
    def __init__(self) -> None:
        self.sample_rate, self.labels = 22050, {"pitch": ("low", "high")}

    def features(self, wave: Wave) -> Tensor:
        """The strongest frequency in units of 200 Hz, and the loudness."""
        return torch.stack([self._frequency(wave), wave.square().mean(1).sqrt()], 1)

    def probabilities(self, wave: Wave) -> dict[str, Tensor]:
        """High if that frequency is above 200 Hz, else low."""
        high = (self._frequency(wave) > 1).float()
        return {"pitch": torch.stack([1 - high, high], 1)}

    def _frequency(self, wave: Wave) -> Tensor:
        spectrum = torch.fft.rfft(wave).abs()
        spectrum[:, 0] = 0
        return spectrum.argmax(1) * self.sample_rate / wave.shape[1] / 200

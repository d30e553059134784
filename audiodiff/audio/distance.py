"""The distance of two waves by their spectrograms, differentiable."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool1d

from audiodiff._types import Wave
from audiodiff.audio import frames
from audiodiff.audio.frames import Gain

QUIET = 1e-4
"""The lowest floor of magnitudes: that of white noise of -80 dBFS."""

SMOOTHED_HERTZ = 350
"""Width in Hz over which magnitudes are averaged for the floor."""


class SpectralDistance:
    """The distance of a wave's spectrograms from a recording's, regardless of phase.

    ``mean over windows of mean w |ln((A + q) / (S + q))| + mean w |A - S| / mean w S`` for
    magnitudes S of the recording and A of the wave, in frames a quarter of a window apart. It
    follows the multi-resolution STFT loss (arXiv:1910.11480), with two changes. Frequencies have
    the weight w, ``(1 + f / 700)^-emphasis`` over its mean, which with an emphasis of 1 is the
    density of the mel scale. The floor q is a tenth of S averaged over 350 Hz, so that holes which
    louder neighbours mask do not count, however deep.

    Args:
        windows: Lengths of Hann windows, in samples.
        sample_rate: Sample rate of the waves, in Hz.
        emphasis: Emphasis of low frequencies, the exponent in w; 0 weighs all alike.
    """

    def __init__(self, windows: Sequence[int], sample_rate: int, emphasis: float = 1.0) -> None:
        self.windows = [frames.hann(size, size, "periodic") for size in windows]
        self.half_widths = [round(SMOOTHED_HERTZ / 2 / sample_rate * size) for size in windows]
        hertz = [torch.fft.rfftfreq(size, 1 / sample_rate) for size in windows]
        weights = [(1 + f / 700) ** -emphasis for f in hertz]
        self.weights = [(weight / weight.mean())[:, None] for weight in weights]

    def __call__(self, wave: Wave, recording: Wave) -> Float[Tensor, " batch"]:
        """The distance of each item; both are (batch, samples), no shorter than any window."""
        parts = []
        for window, n, w in zip(self.windows, self.half_widths, self.weights, strict=True):
            a, s = (_magnitudes(x, window.to(x)) for x in (wave, recording))
            w = w.to(s)
            smooth = avg_pool1d(s.mT, 2 * n + 1, 1, n, count_include_pad=False).mT
            floor = 0.1 * smooth + QUIET
            logs = (w * ((a + floor) / (s + floor)).log().abs()).mean((1, 2))
            parts.append(logs + (w * (a - s).abs()).mean((1, 2)) / (w * s + QUIET).mean((1, 2)))
        return torch.stack(parts).mean(0)


def _magnitudes(wave: Wave, window: Float[Tensor, " n_fft"]) -> Gain:
    """STFT magnitudes in units of white noise."""
    return frames.stft(wave, window / window.square().sum().sqrt(), len(window) // 4).abs()

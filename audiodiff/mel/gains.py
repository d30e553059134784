"""Gains of a mel's bands, over the bins of a spectrum."""

from audiodiff._types import Mel, Wave
from audiodiff.audio import frames
from audiodiff.mel.envelope import Envelope
from audiodiff.mel.log_mel import MelConfig


def with_gains(config: MelConfig, wave: Wave, gains: Mel) -> Wave:
    """A wave whose bands are louder by a factor each, frame by frame; its phases stay.

    `audiodiff.mel.projection.MelProjection` filters likewise, but again and again until the wave
    has a given mel, for which it changes phases.

    Args:
        config: The mel.
        wave: A wave of whole frames.
        gains: The logarithm of each factor, in nepers; between bands it is interpolated.
    """
    n_fft, hop = config.n_fft, config.hop_length
    window = config.stft_window().to(wave)
    padded = frames.silence_around(wave, n_fft, hop, config.n_padding)
    weights = Envelope(config, n_fft, n_fft // 2 + 1).weights.to(wave)
    spectrum = frames.stft(padded, window, hop) * (weights @ gains).exp()
    return frames.overlap_add(spectrum, window, hop, config.n_padding, wave.shape[1])

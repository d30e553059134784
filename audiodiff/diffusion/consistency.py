"""Mel consistency: a sound made to agree with the mel that is asked for."""

import torch

from audiodiff._types import Codec, Denoiser, Mel, State, Times, Wave
from audiodiff.audio import frames
from audiodiff.audio.envelope import Envelope
from audiodiff.audio.mel import LogMel

LIMIT = 1.2
"""Greatest correction of a band in one pass, in nepers: a factor of 0.3 to 3.3."""

MOMENTUM = (0.99, 0.9)
"""How much of a pass's change is added once more, after the first pass and after the last: much of
it finds better phases, less of it settles on them."""


class MelProjection:
    """Filters a wave until its mel is the given one: phase retrieval from a mel.

    A pass multiplies the spectrum, per frame and bin, by the ratio of the given mel to the
    wave's own, interpolated from bands to bins in the logarithm, and makes a sound of it. That is
    an iteration of Griffin and Lim's (IEEE TASSP 32, 1984), with the momentum of its fast form
    (Perraudin, Balazs and Sondergaard, WASPAA 2013), which falls from pass to pass. But no
    magnitude is fixed: what the mel does not say, the fine structure within a band, is left to the
    sound itself.

    Args:
        log_mel: Computes the mel.
    """

    def __init__(self, log_mel: LogMel) -> None:
        config = log_mel.config
        self.log_mel = log_mel
        self.envelope = Envelope(config, config.n_fft, config.n_fft // 2 + 1)

    def __call__(self, wave: Wave, mel: Mel, n_passes: int) -> Wave:
        """The wave after so many passes.

        Args:
            wave: (batch, frames x hop_length).
            mel: The given one, (batch, n_mels, frames).
            n_passes: How many.
        """
        if not n_passes:
            return wave
        wanted = self.log_mel.config.amplitude(mel).log()
        before = wave = self._pass(wave, wanted)
        first, last = MOMENTUM
        for n in range(1, n_passes):
            after = self._pass(wave, wanted)
            momentum = first + (last - first) * n / n_passes
            wave = after + momentum * (after - before)
            before = after
        return before

    def _pass(self, wave: Wave, wanted: Mel) -> Wave:
        config, window = self.log_mel.config, self.log_mel.window
        sizes = config.hop_length, config.n_padding
        padded = frames.silence_around(wave, config.n_fft, *sizes)
        spectrum = frames.stft(padded, window, config.hop_length)
        own = config.amplitude(self.log_mel.of_spectrum(spectrum)).log()
        gain = self.envelope.spread(torch.clamp(wanted - own, -LIMIT, LIMIT)).exp()
        return frames.overlap_add(spectrum * gain, window, *sizes, wave.shape[-1])


class MelConsistent:
    """Another denoiser whose estimate is projected onto the given mel.

    The mel is a known measurement of the answer. Estimates at times over ``t_max`` are left alone:
    they are averages over what may still become of them, whose mel is not the answer's.

    Args:
        denoise: What makes the estimate.
        codec: Its way to a wave and back.
        project: Onto a mel.
        mel: The given one.
        n_passes: How many.
        t_max: See above.
    """

    def __init__(
        self,
        denoise: Denoiser,
        codec: Codec,
        project: MelProjection,
        mel: Mel,
        n_passes: int,
        t_max: float,
    ) -> None:
        self.denoise, self.codec, self.project = denoise, codec, project
        self.mel, self.n_passes, self.t_max = mel, n_passes, t_max
        self.n_samples = mel.shape[-1] * project.log_mel.config.hop_length

    def __call__(self, x_t: State, t: Times) -> State:
        """The denoised estimate in the shape of x_t, for one time of the whole batch."""
        x0 = self.denoise(x_t, t)
        if t.max() > self.t_max:
            return x0
        wave = self.codec.decode(x0, self.n_samples)
        return self.codec.encode(self.project(wave, self.mel, self.n_passes)).to(x0)

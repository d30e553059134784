"""Log-mel spectrograms as text-to-speech systems compute them."""

import math
from typing import Annotated, Literal

import torch
from jaxtyping import Complex, Float
from pydantic import Field, model_validator
from torch import Tensor, nn

from audiodiff._types import Mel, Wave
from audiodiff.audio import frames
from audiodiff.config import Config, SampleRate, Size, Width
from audiodiff.errors import AudiodiffError
from audiodiff.mel.filterbank import filterbank

MAX_FFT = 2**15
"""The longest transform, in samples."""


Value = Annotated[float, Field(ge=-1e4, le=1e4)]
"""A value of a mel, in its own units."""


class MelConfig(Config):
    """How a log-mel spectrogram is computed, from the wave to the last clamp.

    ``S = |STFT|^power`` (with ``|z| = sqrt(re^2 + im^2 + magnitude_eps)``), ``M = filterbank S``,
    ``value = scale * log(max(M, floor)) + offset``, clamped to ``clip`` where there is one.

    Attributes:
        sample_rate: Sample rate of the wave, in Hz.
        n_fft: Length of a frame and of its transform, in samples.
        hop_length: Samples between frames.
        win_length: Length of the window in samples, in the middle of the frame.
        n_mels: Number of bands.
        f_min: Lowest frequency of the first band, in Hz.
        f_max: Highest frequency of the last band, in Hz; None is half the sample rate.
        framing: Position of frame 0: ``centred`` on sample 0, or ``exact``, in the middle of the
            first hop.
        pad_mode: Content beyond the ends of the wave, reflection or zeros.
        window: Kind of Hann window, ``periodic`` or ``symmetric``.
        filterbank: ``slaney`` is Slaney's mel scale with each filter of unit area (librosa's
            default), ``htk`` is the HTK scale with filters of unit height (torchaudio's default).
        power: 1 for magnitudes, 2 for energies.
        normalized: Whether the STFT is divided by ``sqrt(sum window^2)``.
        magnitude_eps: Constant added to the squared magnitude.
        log_base: Base of the logarithm, ``e`` or ``10``.
        floor: Least M that enters the logarithm.
        scale: Factor of the logarithm.
        offset: Constant added to the scaled logarithm.
        clip: Least and greatest value; None for no clipping.
    """

    sample_rate: SampleRate
    n_fft: Annotated[int, Field(ge=1, le=MAX_FFT)]
    hop_length: Size
    win_length: Size
    n_mels: Width
    f_min: float = 0.0
    f_max: float | None = None
    framing: frames.Framing = "centred"
    pad_mode: frames.PadMode = "reflect"
    window: frames.WindowKind = "periodic"
    filterbank: Literal["slaney", "htk"] = "slaney"
    power: Literal[1, 2] = 1
    normalized: bool = False
    magnitude_eps: float = Field(default=0.0, ge=0, le=1)
    log_base: Literal["e", "10"] = "e"
    floor: float = Field(default=1e-5, ge=1e-30, le=1e4)
    scale: float = Field(default=1.0, ge=1e-4, le=1e4)
    offset: Value = 0.0
    clip: tuple[Value, Value] | None = None

    @model_validator(mode="after")
    def _check_sizes(self) -> "MelConfig":
        if not self.hop_length <= self.n_fft or not self.win_length <= self.n_fft:
            raise ValueError(
                f"hop_length={self.hop_length} and win_length={self.win_length} must not exceed "
                f"n_fft={self.n_fft}"
            )
        if not 0 <= self.f_min < self.highest_frequency <= self.sample_rate / 2:
            raise ValueError(
                f"f_min={self.f_min} and f_max={self.f_max} must rise from 0 to at most half of "
                f"sample_rate={self.sample_rate}"
            )
        if self.clip is not None and not self.clip[0] < self.clip[1]:
            raise ValueError(f"clip={self.clip}: give the least value first, then the greatest")
        if self.framing == "exact" and (self.n_fft - self.hop_length) % 2:
            raise ValueError(
                f"framing='exact' needs an even n_fft - hop_length, not {self.n_fft} - "
                f"{self.hop_length}"
            )
        return self

    @property
    def highest_frequency(self) -> float:
        """``f_max`` in Hz, or half the sample rate where it is None."""
        return self.sample_rate / 2 if self.f_max is None else self.f_max

    @property
    def n_padding(self) -> int:
        """Samples added on either side of the wave."""
        return frames.padding(self.n_fft, self.hop_length, self.framing)

    @property
    def min_samples(self) -> int:
        """The shortest wave that gives a frame, in samples."""
        reflected = self.n_padding + 1 if self.pad_mode == "reflect" else 1
        return max(reflected, self.n_fft - 2 * self.n_padding)

    @property
    def floor_value(self) -> float:
        """The least value, that of silence."""
        return self.compress(torch.tensor(self.floor, dtype=torch.float64)).item()

    def n_frames(self, n_samples: int) -> int:
        """Number of frames of a wave of ``n_samples`` samples."""
        return frames.n_frames(n_samples, self.n_fft, self.hop_length, self.framing)

    def stft_window(self) -> Float[Tensor, " n_fft"]:
        """The window of the STFT, any normalisation included."""
        window = frames.hann(self.win_length, self.n_fft, self.window)
        return window / window.square().sum().sqrt() if self.normalized else window

    @property
    def white_level(self) -> float:
        """Root mean square of an STFT bin of white noise of unit variance."""
        return self.stft_window().square().sum().sqrt().item()

    def n_covered_bins(self, n_fft: int) -> int:
        """Number of bins from 0 Hz to the highest frequency, for a transform of any length."""
        return int(self.highest_frequency * n_fft / self.sample_rate) + 1

    def n_bands_below(self, hertz: float) -> int:
        """Number of bands that end below a frequency.

        >>> from audiodiff.mel.presets import PRESETS
        >>> PRESETS["hifigan"].n_bands_below(4000.0)
        61
        """
        bins = self.filterbank_matrix().ne(0) * torch.arange(self.n_fft // 2 + 1)
        return int((bins.amax(1) * self.sample_rate / self.n_fft < hertz).sum())

    def filterbank_matrix(self) -> Float[Tensor, "n_mels bins"]:
        """The weight of each STFT bin in each band."""
        ends = self.f_min, self.highest_frequency
        return torch.from_numpy(
            filterbank(self.sample_rate, self.n_fft, self.n_mels, *ends, self.filterbank)
        )

    def compress(self, linear: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The mel's values from M, the filterbank's output."""
        clamped = linear.clamp(min=self.floor)
        log = clamped.log() if self.log_base == "e" else clamped.log10()
        value = self.scale * log + self.offset
        return value if self.clip is None else value.clamp(*self.clip)

    def amplitude(self, mel: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Linear amplitude from the mel's values: `compress` undone, up to its clamps.

        ``amplitude = base^((value - offset) / (scale * power))``: M, or its root where M is energy.
        """
        return torch.exp((mel - self.offset) * (self.nepers_per_unit / self.power))

    @property
    def nepers_per_unit(self) -> float:
        """Change of ``ln M`` where the value changes by 1."""
        return (1.0 if self.log_base == "e" else math.log(10)) / self.scale

    def value_range(self) -> tuple[float, float]:
        """The least and the greatest value that a wave within +-1 can have.

        The greatest follows from ``|STFT| <= sum(window)``, reached only if every sample is at
        full scale and in phase with the bin: ``M <= sum(window)^power * max_m sum_k F[m, k]``. A
        sine at full scale has at most half that magnitude in its bin. Speech stays well below.
        """
        loudest = self.stft_window().sum() ** self.power
        greatest = self.compress(loudest * self.filterbank_matrix().sum(dim=1).max())
        return self.floor_value, greatest.item()

    def check_wave(self, wave: Tensor) -> None:
        """Refuses a wave that is too short for a frame.

        Raises:
            AudiodiffError: If the shape is not (batch, samples) or the wave is too short for the
                padding.
        """
        if wave.ndim != 2:
            raise AudiodiffError(
                f"the wave has shape {tuple(wave.shape)} but must be (batch, samples); one wave "
                "alone is wave[None]"
            )
        if wave.shape[-1] < self.min_samples:
            raise AudiodiffError(
                f"the wave has {wave.shape[-1]} samples but a mel with n_fft={self.n_fft}, "
                f"hop_length={self.hop_length} needs at least {self.min_samples}; append silence"
            )


class LogMel(nn.Module):
    """Computes log-mel spectrograms, differentiably and on the wave's device.

    Frames are computed in blocks, so apart from the padded wave and the mel itself, an hour of
    sound needs no more memory than a few seconds (unless gradients are recorded). Block
    boundaries affect at most the last bit of the product with the filterbank, never the STFT.

    Args:
        config: The mel to compute, one of `audiodiff.PRESETS` or your own.

    Examples:
        >>> from audiodiff.mel.presets import PRESETS
        >>> LogMel(PRESETS["tacotron2"])(torch.randn(2, 22050)).shape
        torch.Size([2, 80, 87])
    """

    window: Tensor
    filterbank: Tensor

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("window", config.stft_window(), persistent=False)
        self.register_buffer("filterbank", config.filterbank_matrix(), persistent=False)

    def forward(self, wave: Wave) -> Mel:
        """Computes the mel, (batch, n_mels, frames), of a wave, (batch, samples).

        Raises:
            AudiodiffError: If the wave has another shape or is too short.
        """
        config = self.config
        config.check_wave(wave)
        # In half precision, rounding would mask quiet bands.
        with torch.autocast(wave.device.type, enabled=False):
            wave = wave.to(torch.promote_types(wave.dtype, torch.float32))
            padded = frames.pad(wave, config.n_padding, config.pad_mode)
            parts = frames.blocks(padded, config.n_fft, config.hop_length)
            return torch.cat([self._block(part) for part in parts], dim=-1)

    def _block(self, padded: frames.Padded) -> Mel:
        window = self.window.to(padded.dtype)
        return self.of_spectrum(frames.stft(padded, window, self.config.hop_length))

    def of_spectrum(self, spectrum: Complex[Tensor, "batch bins frames"]) -> Mel:
        """The mel of an STFT that was computed with this mel's window, see `frames.stft`."""
        config = self.config
        if config.magnitude_eps:
            power = spectrum.real**2 + spectrum.imag**2 + config.magnitude_eps
            magnitude = power.sqrt()
        else:
            # Unlike the root of a sum, this has a finite gradient at zero.
            magnitude = spectrum.abs()
        return config.compress(self.filterbank.to(magnitude) @ magnitude**config.power)

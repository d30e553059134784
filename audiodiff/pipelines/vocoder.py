"""The pipeline: a mel in, sound out, without gradients."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Mel, MelPiece, Sampler, Wave, WavePiece
from audiodiff.audio import io
from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.mel.check import check_mel
from audiodiff.mel.conversion import conversion_to
from audiodiff.mel.log_mel import LogMel, MelConfig
from audiodiff.mel.own import own_mel
from audiodiff.model.hub import model_directory
from audiodiff.model.model import Model
from audiodiff.pipelines.spans import Span, cut, grouped
from audiodiff.pipelines.stream import Pace, pace_of, windows
from audiodiff.system.devices import check_compiler, check_device, use_bf16

CHUNK_FRAMES = 1024
"""Frames made at once of a long mel, its context not counted: some twelve seconds."""

MAX_CONTEXT = 128
"""Frames of context at most, some 1.5 seconds: more makes the cost of exactness too high."""


class Vocoder:
    """Turns mel spectrograms into sound with a diffusion model.

    Example:
        >>> vocoder = Vocoder.from_pretrained("default")
        >>> mel = vocoder.mel(torch.randn(1, 8 * vocoder.hop_length) / 10)
        >>> vocoder(mel, n_steps=2).shape[1] == mel.shape[2] * vocoder.hop_length
        True

    Args:
        model: A trained model; see `from_pretrained` and `Model.load`.
        precision: See `from_pretrained`.

    Attributes:
        model: The same.
        sample_rate: Of the sound, in Hz.
        hop_length: Samples per mel frame.
        n_mels: Bands of the mel; None for an unconditional model.
        mel_config: The mel that it takes; None for a model without one.
        labels: Classes of what a model without a mel makes; None for any.
        precision: As given; `Model.bf16` says what came of it on this device.
    """

    def __init__(self, model: Model, precision: str = "auto") -> None:
        self.model = model.eval()
        self.precision = precision
        model.bf16 = use_bf16(precision, self.device)
        self.sample_rate = model.config.sample_rate
        self.hop_length = model.config.hop_length
        self.mel_config: MelConfig | None = model.config.mel
        self.n_mels = None if self.mel_config is None else self.mel_config.n_mels
        self.labels = model.config.labels

    @classmethod
    def from_pretrained(
        cls, name: str | Path, device: str = "cpu", precision: str = "auto", compile: bool = False
    ) -> "Vocoder":
        """Loads a model.

        Args:
            name: ``default`` for the model inside this package, a directory, or the id
                ``owner/name`` of a model on the Hugging Face Hub.
            device: Where to run it, e.g. ``cpu`` or ``cuda``.
            precision: Of the network's products: ``fp32``, ``bf16``, or ``auto``, which is bf16
                where the device has instructions for it.
            compile: Whether torch.compile makes the network's code, for mels of any length. The
                first call then takes half a minute more, and later ones less.

        Raises:
            AudiodiffError: If there is no such model, device or compiler, or its files are damaged.
        """
        vocoder = cls(Model.load(model_directory(str(name))), precision).to(device)
        if compile:
            check_compiler(vocoder.device)
            vocoder.model.network.compile(dynamic=True)
        return vocoder

    def to(self, device: str) -> "Vocoder":
        """Moves the model and returns the vocoder.

        Raises:
            AudiodiffError: If this machine has no such device.
        """
        check_device(device)
        self.model.to(device)
        self.model.bf16 = use_bf16(self.precision, self.device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @torch.inference_mode()
    def mel(self, wave: Wave) -> Mel:
        """The mel that this vocoder takes, from (batch, samples) at its own sample rate.

        Raises:
            AudiodiffError: If the wave is too short or of another shape, or holds NaN.
        """
        log_mel = self._needs_mel()
        if not torch.isfinite(wave).all():
            raise AudiodiffError("the wave holds NaN or infinity; mend what made it")
        return log_mel(wave.to(self.device))

    def __call__(
        self,
        mel: Tensor,
        n_steps: int | None = None,
        sampler: str | None = None,
        seed: int | Sequence[int] = 0,
        preset: str | None = None,
        rate: int | None = None,
    ) -> Wave:
        """Makes the sound of a mel.

        Args:
            mel: (batch, n_mels, frames).
            n_steps: Steps of the sampler; None for the model's default run.
            sampler: A name of `SAMPLERS`, with "+langevin" after it or not; None for the model's
                own.
            seed: One seed for all items, so that each sounds as it would alone, or one for each.
            preset: Whose mel it is, a name of `PRESETS`; None for the model's own. Another's is
                converted, see `Conversion`, with a warning where that is not exact.
            rate: The sound's sample rate in Hz, to which it is resampled; None for the model's.

        Returns:
            (batch, frames x hop_length) at the model's rate, float32, on its device.

        Raises:
            AudiodiffError: If the mel is of another layout or preset or holds NaN.
        """
        made, pieces = self._made(mel, n_steps, sampler, seed, preset)
        wave = torch.cat(list(pieces), dim=1)
        wanted = self.sample_rate if rate is None else rate
        if made == wanted:
            return wave
        items = [io.resample(item, made, wanted) for item in wave.cpu().numpy()]
        return torch.from_numpy(np.stack(items)).to(wave.device)

    def batch(
        self,
        mels: Sequence[Tensor] | Tensor,
        lengths: Sequence[int] | None = None,
        n_steps: int | None = None,
        sampler: str | None = None,
        seed: int = 0,
        preset: str | None = None,
        rate: int | None = None,
        batch_size: int = 16,
    ) -> list[Float[Tensor, " _"]]:
        """Makes the sounds of mels of any lengths, each as it would be alone.

        Those of one length are made together. What makes sound at the end of a mel depends on
        where it ends, so others cannot be without a cost to the one or the other.

        Args:
            mels: (n_mels, frames) each, or a padded (batch, n_mels, frames).
            lengths: Frames of each that count; None for all.
            n_steps: As for a call, and so are sampler, seed, preset and rate.
            sampler: See above.
            seed: See above; one for all.
            preset: See above.
            rate: See above.
            batch_size: How many are made at once at most.

        Returns:
            (samples,) for each, in order.

        Raises:
            AudiodiffError: If a length does not fit its mel, or as a call does.
        """
        lengths = [mel.shape[-1] for mel in mels] if lengths is None else list(lengths)
        if len(lengths) != len(mels):
            raise AudiodiffError(f"lengths holds {len(lengths)} numbers for {len(mels)} mels")
        for i, (mel, n) in enumerate(zip(mels, lengths, strict=True)):
            if not 1 <= n <= mel.shape[-1]:
                raise AudiodiffError(
                    f"lengths[{i}]={n} but mel {i} has {mel.shape[-1]} frames; lengths count frames"
                )
        made: dict[int, Tensor] = {}
        for n in sorted(set(lengths)):
            equal = [i for i, length in enumerate(lengths) if length == n]
            for first in range(0, len(equal), batch_size):
                places = equal[first : first + batch_size]
                stacked = torch.stack([mels[i][:, :n] for i in places])
                waves = self(stacked, n_steps, sampler, seed, preset, rate)
                made |= zip(places, waves, strict=True)
        return [made[i] for i in range(len(lengths))]

    def chunks(
        self,
        mel: Tensor,
        n_steps: int | None = None,
        sampler: str | None = None,
        seed: int | Sequence[int] = 0,
        chunk_frames: int = CHUNK_FRAMES,
        context_frames: int | None = None,
        batch_size: int = 1,
        preset: str | None = None,
    ) -> Iterator[WavePiece]:
        """Makes the sound of a long mel piece by piece, in bounded memory.

        Each piece is made with its neighbours as context, and noise belongs to a position, not to
        a piece: with a context of the network's calls times its receptive radius the pieces joined
        are the whole, but for what a projection onto the mel carries further, which is little.

        Args:
            mel: As for a call, and so are n_steps, sampler and seed.
            n_steps: See above.
            sampler: See above.
            seed: See above.
            chunk_frames: Frames of a piece.
            context_frames: Frames on either side of it; None for the calls times the receptive
                radius, but at most `MAX_CONTEXT`.
            batch_size: Pieces that are made at once, where their sizes are equal.
            preset: As for a call.

        Returns:
            An iterator of (batch, samples), float32; joined along samples they are the whole.

        Raises:
            AudiodiffError: As a call does.
        """
        made, pieces = self._made(
            mel, n_steps, sampler, seed, preset, chunk_frames, context_frames, batch_size
        )
        if made == self.sample_rate:
            return pieces
        waves = (piece.cpu().numpy() for piece in pieces)
        ours = io.resampled(waves, made, self.sample_rate)
        return (torch.from_numpy(np.ascontiguousarray(w)).to(self.device) for w in ours)

    def _made(
        self,
        mel: Tensor,
        n_steps: int | None,
        sampler: str | None,
        seed: int | Sequence[int],
        preset: str | None,
        chunk_frames: int = CHUNK_FRAMES,
        context_frames: int | None = None,
        batch_size: int = 1,
    ) -> tuple[int, Iterator[WavePiece]]:
        """As `chunks`, but the pieces are at the rate that comes first, the converted mel's."""
        config = self._needs_mel().config
        if chunk_frames < 1 or batch_size < 1:
            raise AudiodiffError(
                f"chunk_frames={chunk_frames}, batch_size={batch_size}: give at least 1 of each"
            )
        if mel.ndim != 3:
            raise AudiodiffError(
                f"mel has shape {tuple(mel.shape)} but must be (batch, n_mels, frames); "
                "one mel alone is mel[None]"
            )
        own = own_mel(mel, config, preset, "mel")
        mel = own.mel.to(self.device, torch.float32)
        if preset is not None and (remark := conversion_to(config, preset).remark()):
            warnings.warn(remark, stacklevel=3)
        times = self.model.times(n_steps, sampler)
        solver = self.model.sampler(sampler)
        seeds = _seeds(seed, len(mel))
        if context_frames is None:
            context_frames = self._context(len(times) - 1, solver)
        spans = cut(mel.shape[2], chunk_frames, context_frames)
        pieces = self._pieces(mel, grouped(spans, batch_size), times, solver, seeds)
        return own.rate, own.sound(pieces)

    def stream(
        self,
        mels: Iterable[Tensor],
        latency: float = 0.5,
        n_steps: int | None = None,
        sampler: str | None = None,
        seed: int | Sequence[int] = 0,
    ) -> Iterator[WavePiece]:
        """Makes sound of a mel that comes bit by bit, without an end if need be.

        What comes is the sound of the whole, as far as the context after each piece reaches, for
        which the latency has to leave time: see `Vocoder.chunks`.

        Args:
            mels: (batch, n_mels, any number of frames) each, in the model's own preset.
            latency: How long a frame waits for those after it at most, in seconds; the time that
                computing takes comes on top.
            n_steps: As for a call, and so are sampler and seed.
            sampler: See above.
            seed: See above.

        Returns:
            An iterator of (batch, samples), float32; joined along samples they are the whole.

        Raises:
            AudiodiffError: As a call does, or if the latency is less than two frames.
        """
        config = self._needs_mel().config
        times, solver = self.model.times(n_steps, sampler), self.model.sampler(sampler)
        context = self._context(len(times) - 1, solver)
        pace = pace_of(latency, self.sample_rate / self.hop_length, context)
        checked = (check_mel(mel, config, "mel").to(self.device, torch.float32) for mel in mels)
        return self._streamed(checked, pace, times, solver, seed)

    def _streamed(
        self,
        mels: Iterator[MelPiece],
        pace: Pace,
        times: TimeGrid,
        solver: Sampler,
        seed: int | Sequence[int],
    ) -> Iterator[WavePiece]:
        for mel, span in windows(mels, pace):
            seeds, hop = _seeds(seed, len(mel)), self.hop_length
            wave = self._run(mel, times, solver, seeds, [span.first * hop] * len(mel))
            yield wave[
                :, (span.keep_first - span.first) * hop : (span.keep_last - span.first) * hop
            ]

    def _context(self, n_steps: int, solver: Sampler) -> int:
        """Frames on either side with which a piece is as in the whole, within reason."""
        return min(n_steps * solver.calls * self.model.receptive_radius, MAX_CONTEXT)

    def generate(
        self, n_samples: int, n_steps: int | None = None, seed: int = 0, label: str | None = None
    ) -> Wave:
        """Sound from a model without a mel, (1, n_samples).

        Args:
            n_samples: Of the sound.
            n_steps: Of the sampler; None for the model's default run.
            seed: Of the noise.
            label: Of what class it is to be, one of `labels`; None for a model that has none.

        Raises:
            AudiodiffError: If the model needs a mel, or has no such label.
        """
        if self.mel_config is not None:
            raise AudiodiffError("this model is conditioned on a mel; call vocoder(mel)")
        model, labels = self.model, self.labels
        if label not in (labels or (None,)):
            known = "has no labels" if labels is None else f"has {', '.join(labels)}"
            raise AudiodiffError(f"label={label!r}: this model {known}; choose accordingly")
        place = None
        if labels is not None and label is not None:
            place = torch.tensor([labels.index(label)], device=self.device)
        with torch.inference_mode():
            times = model.times(n_steps)
            return model.make(place, n_samples, times, model.sampler(), [seed], [0])

    def whole_frames(self, wave: Wave) -> Float[Tensor, "batch whole_frames"]:
        """The wave with silence after it, so that its mel covers it to the end."""
        return torch.nn.functional.pad(wave, (0, -wave.shape[1] % self.hop_length))

    def _needs_mel(self) -> LogMel:
        if self.model.log_mel is None:
            raise AudiodiffError("this model is not conditioned on a mel; call generate()")
        return self.model.log_mel

    def _pieces(
        self,
        mel: Mel,
        groups: list[list[Span]],
        times: TimeGrid,
        sampler: Sampler,
        seeds: tuple[int, ...],
    ) -> Iterator[WavePiece]:
        for group in groups:
            mels = torch.cat([mel[..., span.first : span.last] for span in group])
            offsets = [span.first * self.hop_length for span in group for _ in seeds]
            waves = self._run(mels, times, sampler, seeds * len(group), offsets)
            for span, wave in zip(group, waves.split(len(seeds)), strict=True):
                start = (span.keep_first - span.first) * self.hop_length
                stop = (span.keep_last - span.first) * self.hop_length
                yield wave[:, start:stop]

    @torch.inference_mode()
    def _run(
        self,
        mel: Mel,
        times: TimeGrid,
        sampler: Sampler,
        seeds: tuple[int, ...],
        offsets: list[int],
    ) -> Wave:
        n_samples = mel.shape[2] * self.hop_length
        return self.model.make(mel, n_samples, times, sampler, seeds, offsets)


def _seeds(seed: int | Sequence[int], batch: int) -> tuple[int, ...]:
    seeds = tuple(seed) if isinstance(seed, Sequence) else (seed,) * batch
    if len(seeds) != batch:
        raise AudiodiffError(
            f"seed holds {len(seeds)} seeds for {batch} mels; give one, or one each"
        )
    if min(seeds) < 0:
        raise AudiodiffError(f"seed={min(seeds)}: seeds are 0 or more")
    return seeds

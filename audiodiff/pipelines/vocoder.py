"""The vocoder: a mel in, sound out, without gradients."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Mel, Sampler, Wave, WavePiece
from audiodiff.config import Count, SampleRate, checked
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import MelConfig
from audiodiff.model.model import Model
from audiodiff.model.run import DEFAULT, Run
from audiodiff.pipelines.given import Array, GivenMel, as_batch, taken, taken_batch, taken_pieces
from audiodiff.pipelines.lengths import Lengths, by_length
from audiodiff.pipelines.loading import loaded
from audiodiff.pipelines.pieces import CHUNK_FRAMES, PLAIN, Cutting, context_of, in_pieces, made_of
from audiodiff.pipelines.rates import resampled, resampled_pieces
from audiodiff.pipelines.stream import pace_of, windows
from audiodiff.system.devices import check_device, use_bf16
from audiodiff.system.threads import Map


class Vocoder:
    """Turns mel spectrograms into sound with a diffusion model.

    Examples:
        >>> vocoder = Vocoder.from_pretrained("default")
        >>> mel = vocoder.mel(torch.randn(1, 8 * vocoder.hop_length) / 10)
        >>> vocoder(mel, n_steps=2).shape[1] == mel.shape[2] * vocoder.hop_length
        True

    Args:
        model: A trained model that takes a mel.
        precision: Precision of the network's products: ``fp32``, ``bf16``, or ``auto``, which is
            bf16 where the device has instructions for it.

    Attributes:
        model: The model.
        precision: The precision, as given.
        sample_rate: Sample rate of the sound in Hz.
        hop_length: Samples per mel frame.
        mel_config: The mel that the model takes.
        n_mels: Number of bands of the mel.

    Raises:
        AudiodiffError: If the model takes no mel, or the precision is unknown.
    """

    def __init__(self, model: Model, precision: str = "auto") -> None:
        if model.log_mel is None:
            raise AudiodiffError(
                "this model takes no mel, so there is nothing to vocode; use Generator, or "
                "`audiodiff generate`"
            )
        use_bf16(precision, model.device)  # refuses an unknown precision
        self.model, self.precision, self._log_mel = model.eval(), precision, model.log_mel
        self.mel_config: MelConfig = self._log_mel.config
        self.sample_rate, self.hop_length = model.config.sample_rate, model.config.hop_length
        self.n_mels = self.mel_config.n_mels

    @classmethod
    def from_pretrained(
        cls, name: str | Path, device: str = "cpu", precision: str = "auto", compile: bool = False
    ) -> "Vocoder":
        """Loads a model.

        Args:
            name: ``default`` for the model inside this package, a model directory, or the id
                ``owner/name`` of a model on the Hugging Face Hub.
            device: Device to run it on, e.g. ``cpu`` or ``cuda``.
            precision: Precision of the network's products: ``fp32``, ``bf16`` or ``auto``.
            compile: Whether torch.compile compiles the network, for mels of any length. The first
                call then takes half a minute more, and later ones less.

        Raises:
            AudiodiffError: If there is no such model, device or compiler, its files are damaged, or
                it takes no mel.
        """
        return cls(loaded(name, device, compile), precision)

    def to(self, device: str) -> "Vocoder":
        """Moves the model and returns the vocoder.

        Raises:
            AudiodiffError: If this machine has no such device.
        """
        check_device(device)
        self.model.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return self.model.device

    @torch.no_grad()
    def mel(self, wave: Wave) -> Mel:
        """The mel of a wave of shape (batch, samples) at the vocoder's sample rate.

        Raises:
            AudiodiffError: If the wave is too short or of another shape, or holds NaN.
        """
        if not torch.isfinite(wave).all():
            raise AudiodiffError("the wave holds NaN or infinity; mend what made it")
        return self._log_mel(wave.to(self.device))

    def whole_frames(self, wave: Wave) -> Float[Tensor, "batch whole_frames"]:
        """The wave, padded with silence to a whole number of frames."""
        return torch.nn.functional.pad(wave, (0, -wave.shape[1] % self.hop_length))

    def __call__(
        self,
        mel: GivenMel,
        n_steps: int | None = None,
        sampler: str | Sampler | None = None,
        seed: int | Sequence[int] = 0,
        preset: str | None = None,
        rate: int | None = None,
        force: bool = False,
    ) -> Wave:
        """Makes the sound of a mel.

        Args:
            mel: (batch, n_mels, frames), or a list of mels of one shape (n_mels, frames).
            n_steps: Number of sampler steps; the model's default if None.
            sampler: A sampler, or a name in `SAMPLERS`, to which ``+langevin`` adds a Langevin
                corrector; the model's own if None.
            seed: Seed of the noise, one for all items (each sounds as it does alone) or for each.
            preset: Name in `PRESETS` of the mel's preset; the model's own if None. A mel of another
                preset is converted, with a warning if that is not exact.
            rate: Sample rate of the sound in Hz, to which it is resampled; the model's if None.
            force: Whether to take a mel whose values look like those of another preset or scale.

        Returns:
            (batch, samples), float32, on the model's device: frames x hop_length samples, unless
            the mel is of another preset or the sound is resampled.

        Raises:
            AudiodiffError: If the mel is of another layout, preset or scale, or holds NaN.
        """
        return self.make(as_batch(mel), Run(sampler, n_steps, seed=seed), preset, rate, force)

    def make(
        self,
        mel: GivenMel,
        run: Run = DEFAULT,
        preset: str | None = None,
        rate: int | None = None,
        force: bool = False,
    ) -> Wave:
        """Makes the sound of a mel by a `Run`, which also takes times and guidance.

        Returns and raises what a call does.

        Args:
            mel: (batch, n_mels, frames).
            run: The run.
            preset: Name in `PRESETS` of the mel's preset; the model's own if None.
            rate: Sample rate of the sound in Hz; the model's if None.
            force: Whether to take a mel whose values look like those of another preset or scale.
        """
        wanted = self.sample_rate if rate is None else checked(SampleRate, rate, "rate")
        made, pieces = self._made(mel, run, preset, force)
        return resampled(torch.cat(list(pieces), dim=1), made, wanted)

    def batch(
        self,
        mels: GivenMel,
        lengths: Lengths | None = None,
        n_steps: int | None = None,
        sampler: str | Sampler | None = None,
        seed: int = 0,
        preset: str | None = None,
        rate: int | None = None,
        batch_size: int = 16,
        force: bool = False,
    ) -> list[Float[Tensor, " _"]]:
        """Makes the sounds of mels of different lengths, each as it would be alone.

        Mels of one length are made together; padding would change the ends of their sounds.

        Args:
            mels: (n_mels, frames) each, or a padded (batch, n_mels, frames).
            lengths: Number of valid frames of each mel; all if None.
            n_steps: Number of sampler steps; the model's default if None.
            sampler: A sampler or its name; the model's own if None.
            seed: Seed of the noise of every mel.
            preset: Name in `PRESETS` of the mels' preset; the model's own if None.
            rate: Sample rate of the sounds in Hz; the model's if None.
            batch_size: Greatest number of mels vocoded at once.
            force: Whether to take mels whose values look like those of another preset or scale.

        Returns:
            The sound of each mel in order, (samples,).

        Raises:
            AudiodiffError: If a length does not fit its mel, or as for `__call__`.
        """
        run = Run(sampler, n_steps, seed=seed)
        whole = taken_batch(mels, lengths, self.mel_config, preset, force)
        counts = [mel.shape[-1] for mel in whole]
        made: dict[int, Tensor] = {}
        for _, places in by_length(counts, checked(Count, batch_size, "batch_size")):
            alike = [whole[i] for i in places]
            made |= zip(places, self.make(alike, run, preset, rate, force), strict=True)
        return [made[i] for i in range(len(counts))]

    def chunks(
        self,
        mel: GivenMel,
        n_steps: int | None = None,
        sampler: str | Sampler | None = None,
        seed: int | Sequence[int] = 0,
        chunk_frames: int = CHUNK_FRAMES,
        context_frames: int | None = None,
        batch_size: int = 1,
        preset: str | None = None,
        force: bool = False,
        each: Map = map,
    ) -> Iterator[WavePiece]:
        """Makes the sound of a long mel piece by piece, in bounded memory.

        Each piece is made with its neighbours as context and with the noise of its position. If
        that is at least the number of denoiser calls times the receptive radius, the joined pieces
        equal the whole, but for the little that a projection onto the mel carries further.

        Args:
            mel: (batch, n_mels, frames).
            n_steps: Number of sampler steps; the model's default if None.
            sampler: A sampler or its name; the model's own if None.
            seed: Seed of the noise, one for all items or one for each.
            chunk_frames: Frames of a piece.
            context_frames: Frames of context on either side of a piece; if None, the number of
                calls times the receptive radius, at most `pipelines.pieces.MAX_CONTEXT`.
            batch_size: Greatest number of pieces made at once.
            preset: Name in `PRESETS` of the mel's preset; the model's own if None.
            force: Whether to take a mel whose values look like those of another preset or scale.
            each: Function that makes the pieces, e.g. an executor's ``map``.

        Returns:
            An iterator over pieces of the sound, (batch, samples), float32.

        Raises:
            AudiodiffError: If a size is below 1, or as for `__call__`.
        """
        run = Run(sampler, n_steps, seed=seed)
        cutting = Cutting(chunk_frames, context_frames, batch_size, each)
        made, pieces = self._made(mel, run, preset, force, cutting)
        return resampled_pieces(pieces, made, self.sample_rate, self.device)

    def stream(
        self,
        mels: Iterable[Tensor] | Iterable[Array],
        latency: float = 0.5,
        n_steps: int | None = None,
        sampler: str | Sampler | None = None,
        seed: int | Sequence[int] = 0,
    ) -> Iterator[WavePiece]:
        """Makes the sound of a mel that arrives in any number of pieces.

        The joined pieces equal the sound of the whole mel if half the latency holds the context
        that makes `chunks` exact.

        Args:
            mels: Pieces of (batch, n_mels, any number of frames), in the model's own preset.
            latency: Longest time in seconds that a frame waits for later ones before it is made.
            n_steps: Number of sampler steps; the model's default if None.
            sampler: A sampler or its name; the model's own if None.
            seed: Seed of the noise, one for all items or one for each.

        Returns:
            An iterator over pieces of the sound, (batch, samples), float32.

        Raises:
            AudiodiffError: If the latency is less than two frames, or as for `__call__`.
        """
        run = self._completed(Run(sampler, n_steps, seed=seed))
        pace = pace_of(latency, self.sample_rate / self.hop_length, context_of(self.model, run))
        checked = taken_pieces(mels, self.mel_config, self.device)
        return (made_of(self.model, mel, [span], run)[0] for mel, span in windows(checked, pace))

    def _made(
        self, mel: GivenMel, run: Run, preset: str | None, force: bool, cutting: Cutting = PLAIN
    ) -> tuple[int, Iterator[WavePiece]]:
        """The rate of the converted mel in Hz, and the pieces of sound at that rate."""
        own = taken(mel, self.mel_config, preset, force)
        whole, run = own.mel.to(self.device, torch.float32), self._completed(run)
        pieces = in_pieces(self.model, whole, run, cutting)
        return own.rate, own.sound(pieces)

    def _completed(self, run: Run) -> Run:
        """The run with a precision."""
        return replace(run, precision=self.precision) if run.precision is None else run

"""One file through a vocoder: audio is resynthesised, a mel becomes sound."""

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff.audio import io
from audiodiff.audio.plots import save_figure, spectrogram_figure
from audiodiff.config import Config
from audiodiff.errors import AudiodiffError
from audiodiff.mel.files import MEL_SUFFIXES, load_mel
from audiodiff.mel.own import OwnMel, own_mel
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.system.jobs import Job
from audiodiff.system.memory import enough_memory

INPUT_SUFFIXES = io.AUDIO_SUFFIXES | MEL_SUFFIXES


class VocodeSettings(Config):
    """The settings by which files are vocoded; None stands for the model's own.

    Attributes:
        n_steps: Number of sampler steps.
        sampler: Name of the sampler.
        seed: Seed of the noise, the same for every file.
        preset: Preset of the mels in files.
        batch_size: Pieces of a long file that are made at once.
        rate: Sample rate of the sound in Hz.
        plot: Whether the spectrograms are drawn into a picture beside the sound.
    """

    n_steps: int | None = None
    sampler: str | None = None
    seed: int = 0
    preset: str | None = None
    batch_size: int = 1
    rate: int | None = None
    plot: bool = False

    @property
    def run(self) -> Run:
        """The run of every file."""
        return Run(self.sampler, self.n_steps, seed=self.seed)


class Made(NamedTuple):
    """The result of a file.

    Attributes:
        seconds: Length of the sound in seconds.
        remark: A sentence about clipped samples; None if there are none.
    """

    seconds: float
    remark: str | None


class Meter:
    """Measures the audio made against the time spent."""

    def __init__(self) -> None:
        self.audio = 0.0
        self.start = time.monotonic()

    def add(self, seconds: float) -> None:
        """Adds a piece."""
        self.audio += seconds

    def text(self) -> str:
        """Audio made, time spent and their ratio."""
        spent = time.monotonic() - self.start
        if not self.audio:
            return ""
        return (
            f"{self.audio:.1f} s of audio in {spent:.1f} s, real-time factor "
            f"{spent / self.audio:.2f}"
        )


def vocode_file(
    vocoder: Vocoder,
    job: Job,
    settings: VocodeSettings,
    on_audio: Callable[[float], None],
) -> Made:
    """Reads, vocodes and writes one file.

    Args:
        vocoder: The vocoder that makes the sound.
        job: The file and its result.
        settings: The settings of the run and the result.
        on_audio: Callback for the seconds of each piece made.

    Raises:
        AudiodiffError: If the file is bad or the result cannot be written.
    """
    is_mel = job.source.suffix.lower() in MEL_SUFFIXES
    with enough_memory(job.source, "lower --batch-size or split it into shorter files"):
        original = None if is_mel else _read_wave(vocoder, job.source)
        if original is None:
            own = _read_mel(vocoder, job.source, settings.preset)
        else:
            own = own_mel_of(vocoder, original)
        made = _make(vocoder, own, settings, on_audio)
        if settings.plot:
            # Before the sound, whose presence means that the file is finished.
            shown = [] if original is None else [(f"{job.source.name}, the input", original)]
            shown.append((f"{job.target.name}, made from its mel", made))
            figure = spectrogram_figure(shown, own.rate)
            save_figure(figure, job.target.with_suffix(".png"))
        rate = vocoder.sample_rate if settings.rate is None else settings.rate
        sound = io.resample(made.numpy(), own.rate, rate)
        n_clipped = io.save(job.target, sound, rate)
    clipped = f"{job.target}: {n_clipped} of {len(sound)} samples exceeded full scale, clipped"
    return Made(len(sound) / rate, clipped if n_clipped else None)


class Loading(NamedTuple):
    """The arguments of `Vocoder.from_pretrained`, for a process that has yet to load it."""

    model: str
    device: str
    precision: str
    compile: bool

    def vocode(self, settings: VocodeSettings, job: Job) -> Made:
        """Vocodes a file by this vocoder, which a process loads once."""
        return vocode_file(_vocoder(self), job, settings, on_audio=lambda seconds: None)


@cache
def _vocoder(loading: Loading) -> Vocoder:
    return Vocoder.from_pretrained(*loading)


def _make(
    vocoder: Vocoder, own: OwnMel, settings: VocodeSettings, on_audio: Callable[[float], None]
) -> Float[Tensor, " samples"]:
    pieces = []
    run = settings.n_steps, settings.sampler, settings.seed
    for piece in own.sound(vocoder.chunks(own.mel, *run, batch_size=settings.batch_size)):
        pieces.append(piece[0].cpu())
        on_audio(len(pieces[-1]) / own.rate)
    return torch.cat(pieces)


def own_mel_of(vocoder: Vocoder, wave: Float[Tensor, " samples"]) -> OwnMel:
    """The mel of a whole sound at the vocoder's rate."""
    mel = vocoder.mel(vocoder.whole_frames(wave[None]))
    return OwnMel(mel, vocoder.sample_rate, 0, len(wave))


def _read_wave(vocoder: Vocoder, path: Path) -> Float[Tensor, " samples"]:
    wave, _ = io.load(path, vocoder.sample_rate)
    return torch.from_numpy(wave)


def _read_mel(vocoder: Vocoder, path: Path, preset: str | None) -> OwnMel:
    own = own_mel(load_mel(path), vocoder.mel_config, preset, str(path))
    hours = own.n_samples / own.rate / 3600
    if hours > io.MAX_HOURS:
        raise AudiodiffError(
            f"{path} lasts {hours:.2f} hours and the limit is {io.MAX_HOURS}; "
            "split it into shorter files"
        )
    return own

"""Files through a vocoder: audio is resynthesised, a mel becomes sound."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import WavePiece
from audiodiff.audio import io
from audiodiff.audio.plots import save_figure, spectrogram_figure
from audiodiff.config import Config, Count, SampleRate, Seed, StepCount
from audiodiff.errors import AudiodiffError
from audiodiff.mel.files import MEL_SUFFIXES, load_mel
from audiodiff.mel.own import OwnMel, own_mel
from audiodiff.model.run import Run
from audiodiff.pipelines.pieces import CHUNK_FRAMES
from audiodiff.pipelines.records import Record, record_of, written
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.system.jobs import Job, Spread
from audiodiff.system.memory import enough_memory
from audiodiff.system.threads import Map

INPUT_SUFFIXES = io.AUDIO_SUFFIXES | MEL_SUFFIXES


OnAudio: TypeAlias = Callable[[Job, float, float], None]
"""Takes a job, the seconds of a piece of its sound, and those of the whole."""


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
        model: Name of the model, for the record in each file.
    """

    n_steps: StepCount | None = None
    sampler: str | None = None
    seed: Seed = 0
    preset: str | None = None
    batch_size: Count = 1
    rate: SampleRate | None = None
    plot: bool = False
    model: str = ""

    @property
    def run(self) -> Run:
        """The run of every file."""
        return Run(self.sampler, self.n_steps, seed=self.seed)

    def record(self, vocoder: Vocoder) -> Record:
        """What the sound of a file depends on, besides the file."""
        return record_of(
            vocoder.model,
            self.model,
            self.run,
            seed=self.seed,
            preset=self.preset,
            rate=vocoder.sample_rate if self.rate is None else self.rate,
        )


class Made(NamedTuple):
    """The result of a file.

    Attributes:
        seconds: Length of the sound in seconds.
        remark: A sentence about clipped samples; None if there are none.
    """

    seconds: float
    remark: str | None


class Begun(NamedTuple):
    """A file that was read, and whose sound is on its way.

    Attributes:
        job: The file and its result.
        original: The file's own sound; None of a mel.
        own: The mel.
        pieces: Pieces of the sound, in order.
    """

    job: Job
    original: Float[Tensor, " samples"] | None
    own: OwnMel
    pieces: Iterator[WavePiece]

    @property
    def n_pieces(self) -> int:
        """Number of pieces, roughly."""
        return 1 + self.own.mel.shape[2] // CHUNK_FRAMES


def vocode_file(
    vocoder: Vocoder,
    job: Job,
    settings: VocodeSettings,
    on_audio: OnAudio,
    each: Map = map,
) -> Made:
    """Reads, vocodes and writes one file.

    Args:
        vocoder: The vocoder that makes the sound.
        job: The file and its result.
        settings: The settings of the run and the result.
        on_audio: Callback for each piece made.
        each: Makes the pieces of the sound, one after another or side by side.

    Raises:
        AudiodiffError: If the file is bad or the result cannot be written.
    """
    return finished(vocoder, begun(vocoder, job, settings, each), settings, on_audio)


def begun(vocoder: Vocoder, job: Job, settings: VocodeSettings, each: Map) -> Begun:
    """Reads one file and begins its sound.

    Raises:
        AudiodiffError: If the file is bad.
    """
    is_mel = job.source.suffix.lower() in MEL_SUFFIXES
    with _enough_memory(job):
        original = None if is_mel else _read_wave(vocoder, job.source)
        if original is None:
            own = _read_mel(vocoder, job.source, settings.preset)
        else:
            own = own_mel_of(vocoder, original)
        run = settings.n_steps, settings.sampler, settings.seed
        pieces = vocoder.chunks(own.mel, *run, batch_size=settings.batch_size, each=each)
        return Begun(job, original if settings.plot else None, own, own.sound(pieces))


def finished(vocoder: Vocoder, file: Begun, settings: VocodeSettings, on_audio: OnAudio) -> Made:
    """Takes the sound of a file as it is made, and writes it.

    Raises:
        AudiodiffError: If memory runs out, or the result cannot be written.
    """
    job, original, own, _ = file
    with _enough_memory(job):
        made = _joined(file, on_audio)
        if settings.plot:
            # Before the sound, whose presence means that the file is finished.
            shown = [] if original is None else [(f"{job.source.name}, the input", original)]
            shown.append((f"{job.target.name}, made from its mel", made))
            figure = spectrogram_figure(shown, own.rate)
            save_figure(figure, job.target.with_suffix(".png"))
        rate = vocoder.sample_rate if settings.rate is None else settings.rate
        sound = io.resample(made.numpy(), own.rate, rate)
        comment = written(settings.record(vocoder))
        n_clipped = io.save(job.target, sound, rate, comment=comment)
    clipped = f"{job.target}: {n_clipped} of {len(sound)} samples exceeded full scale, clipped"
    return Made(len(sound) / rate, clipped if n_clipped else None)


def ahead(
    vocoder: Vocoder,
    settings: VocodeSettings,
    on_audio: OnAudio,
    each: Map,
    n_pieces: int,
) -> Spread[Made]:
    """Vocodes files in order, and begins files ahead while few pieces are on their way.

    Args:
        vocoder: The vocoder that makes the sound.
        settings: The settings of the run and the results.
        on_audio: Callback for each piece made.
        each: Makes pieces of sound side by side.
        n_pieces: Number of pieces that keeps it busy.
    """

    def begin(job: Job) -> tuple[int, Callable[[], Made]]:
        try:
            file = begun(vocoder, job, settings, each)
        except (AudiodiffError, OSError) as error:
            return 0, partial(_fail, error)
        return file.n_pieces, partial(finished, vocoder, file, settings, on_audio)

    def spread(jobs: Sequence[Job]) -> Iterator[tuple[Job, Callable[[], Made]]]:
        waiting: deque[tuple[Job, int, Callable[[], Made]]] = deque()
        for job in jobs:
            waiting.append((job, *begin(job)))
            while sum(n for _, n, _ in waiting) > n_pieces:
                done, _, result = waiting.popleft()
                yield done, result
        yield from ((job, result) for job, _, result in waiting)

    return spread


def _fail(error: Exception) -> Made:
    raise error


def _enough_memory(job: Job) -> AbstractContextManager[None]:
    return enough_memory(job.source, "lower --batch-size or split it into shorter files")


class Loading(NamedTuple):
    """The arguments of `Vocoder.from_pretrained`, for a process that has yet to load it."""

    model: str
    device: str
    precision: str
    compile: bool

    def vocoder(self) -> Vocoder:
        """The vocoder, which a process loads once."""
        return _vocoder(self)

    def vocode(self, settings: VocodeSettings, job: Job) -> Made:
        """Vocodes a file by this vocoder, which a process loads once."""
        return vocode_file(_vocoder(self), job, settings, on_audio=lambda job, seconds, whole: None)


@cache
def _vocoder(loading: Loading) -> Vocoder:
    return Vocoder.from_pretrained(*loading)


def _joined(file: Begun, on_audio: OnAudio) -> Float[Tensor, " samples"]:
    pieces = []
    for piece in file.pieces:
        pieces.append(piece[0].cpu())
        on_audio(file.job, len(pieces[-1]) / file.own.rate, file.own.n_samples / file.own.rate)
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

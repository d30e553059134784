"""Files through a vocoder: audio is resynthesised, a mel becomes sound."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import NamedTuple, TypeAlias

import torch

from audiodiff._types import WavePiece
from audiodiff.audio import io
from audiodiff.audio.plots import save_figure, spectrogram_figure
from audiodiff.config import Count, SampleRate, Seed, StepCount
from audiodiff.errors import AudiodiffError
from audiodiff.mel.files import MEL_SUFFIXES
from audiodiff.mel.own import OwnMel
from audiodiff.model.run import Run
from audiodiff.pipelines.pieces import CHUNK_FRAMES
from audiodiff.pipelines.reading import MelSettings, read_mel, read_sound
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.provenance import watermark
from audiodiff.provenance.files import tags_of
from audiodiff.provenance.making import record_of
from audiodiff.provenance.record import Record
from audiodiff.system.jobs import Job, Spread
from audiodiff.system.memory import enough_memory
from audiodiff.system.threads import Map

INPUT_SUFFIXES = io.AUDIO_SUFFIXES | MEL_SUFFIXES


OnAudio: TypeAlias = Callable[[Job, float, float], None]
"""Takes a job, the seconds of a piece of its sound, and those of the whole."""


class VocodeSettings(MelSettings):
    """The settings by which files are vocoded; None stands for the model's own.

    Attributes:
        n_steps: Number of sampler steps.
        sampler: Name of the sampler.
        seed: Seed of the noise, the same for every file.
        batch_size: Pieces of a long file that are made at once.
        rate: Sample rate of the sound in Hz.
        plot: Whether the spectrograms are drawn into a picture beside the sound.
        model: Name of the model, for the record in each file.
        provenance: Whether each file stores what made it.
        watermark: Whether the sound itself is marked.
    """

    n_steps: StepCount | None = None
    sampler: str | None = None
    seed: Seed = 0
    batch_size: Count = 1
    rate: SampleRate | None = None
    plot: bool = False
    model: str = ""
    provenance: bool = True
    watermark: bool = False

    @property
    def run(self) -> Run:
        """The run of every file."""
        return Run(self.sampler, self.n_steps, seed=self.seed)

    def record(self, vocoder: Vocoder) -> Record:
        """What the sound of a file depends on, besides the file."""
        rate = vocoder.sample_rate if self.rate is None else self.rate
        mark = watermark.NAME if self.watermark else None
        settings = {"preset": self.preset, "scale": self.scale, "rate": rate, "watermark": mark}
        return record_of(vocoder.model, self.model, self.run, settings)


class Made(NamedTuple):
    """The result of a file.

    Attributes:
        seconds: Length of the sound in seconds.
        remark: What a user should know of it, such as clipped samples, a sentence a line; or None.
    """

    seconds: float
    remark: str | None


class Begun(NamedTuple):
    """A file that was read and whose sound is being made.

    Attributes:
        job: The file and its result.
        original_rate: Sample rate at which the file's own sound is drawn, in Hz; None for a mel.
        own: The mel.
        pieces: Pieces of the sound, in order.
    """

    job: Job
    original_rate: int | None
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
        if is_mel:
            own = read_mel(vocoder, job.source, settings)
        else:
            own = read_sound(vocoder, job.source, settings.max_hours)
        run = settings.n_steps, settings.sampler, settings.seed
        # The mel is checked, and converted, already.
        made = vocoder.chunks(own.mel, *run, batch_size=settings.batch_size, force=True, each=each)
        return Begun(job, None if is_mel else vocoder.sample_rate, own, own.sound(made))


def finished(vocoder: Vocoder, file: Begun, settings: VocodeSettings, on_audio: OnAudio) -> Made:
    """Takes the sound of a file as it is made, and writes it.

    Raises:
        AudiodiffError: If memory runs out, or the result cannot be written.
    """
    job, rate = file.job, vocoder.sample_rate if settings.rate is None else settings.rate
    with _enough_memory(job):
        made = _heard(file, on_audio)
        if settings.plot:
            # Drawn after the last piece, before the sound is in its place: a sound that is there
            # means that the file is finished.
            made = _plotted(made, file)
        resampled = io.resampled((piece.numpy() for piece in made), file.own.rate, rate)
        sound: Iterator[io.Piece] = (piece[0] for piece in resampled)
        if settings.watermark:
            sound = watermark.marked(sound, rate)
        tags = tags_of(settings.record(vocoder)) if settings.provenance else None
        n_samples, n_clipped = io.save_pieces(job.target, sound, rate, tags)
    clipped = f"{job.target}: {n_clipped} of {n_samples} samples exceeded full scale, clipped"
    doubt = file.own.doubt and f"warning: {file.own.doubt}"
    remarks = [doubt, clipped if n_clipped else None]
    return Made(n_samples / rate, "\n".join(filter(None, remarks)) or None)


def ahead(
    vocoder: Vocoder,
    settings: VocodeSettings,
    on_audio: OnAudio,
    each: Map,
    n_pieces: int,
) -> Spread[Made]:
    """Vocodes files in order, and begins later files while few pieces are being made.

    Args:
        vocoder: The vocoder that makes the sound.
        settings: The settings of the run and the results.
        on_audio: Callback for each piece made.
        each: Makes pieces of sound side by side.
        n_pieces: Number of pieces that keep ``each`` busy.
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


def _heard(file: Begun, on_audio: OnAudio) -> Iterator[WavePiece]:
    """The pieces of the sound on the CPU, each reported."""
    for piece in file.pieces:
        yield piece.cpu()
        seconds = piece.shape[1] / file.own.rate
        on_audio(file.job, seconds, file.own.n_samples / file.own.rate)


def _plotted(pieces: Iterator[WavePiece], file: Begun) -> Iterator[WavePiece]:
    """The pieces; after the last one, their spectrogram is drawn beside the result."""
    job, kept = file.job, []
    for piece in pieces:
        kept.append(piece)
        yield piece
    shown = [(f"{job.target.name}, made from its mel", torch.cat(kept, dim=1)[0])]
    if file.original_rate is not None:
        # Its length was checked before.
        original = torch.from_numpy(io.load(job.source, file.original_rate, math.inf)[0])
        shown.insert(0, (f"{job.source.name}, the input", original))
    save_figure(spectrogram_figure(shown, file.own.rate), job.target.with_suffix(".png"))

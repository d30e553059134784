"""Streams of mels and sound, in bounded memory, with a chosen latency."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch

from audiodiff._types import Mel, MelPiece, Wave, WavePiece
from audiodiff.audio import frames
from audiodiff.audio.io import Samples, read_through
from audiodiff.audio.reader import SoundReader
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import LogMel
from audiodiff.pipelines.spans import Span

MAX_LATENCY = 3600
"""The longest wait for later frames, in seconds."""

WHOLE_SECONDS = 60
"""Seconds of the longest sound whose mel is computed at once."""


class Pace(NamedTuple):
    """The sizes of the pieces of a stream.

    Attributes:
        chunk: Frames that are made at once.
        before: Frames of context before the chunk.
        after: Frames of context after the chunk, for which it waits.
    """

    chunk: int
    before: int
    after: int


def pace_of(latency: float, frame_rate: float, context: int) -> Pace:
    """The pace at which no frame waits longer than the latency for the frames it needs.

    A chunk waits for its own last frame and for the context after it, so the two share the
    latency: the context gets what it can use, but at most half.

    Args:
        latency: Longest wait in seconds, without the time of computing.
        frame_rate: Frames per second.
        context: Frames on either side with which a piece is as in the whole.

    Raises:
        AudiodiffError: If the latency is less than two frames, or more than `MAX_LATENCY`.
    """
    if not latency <= MAX_LATENCY:
        raise AudiodiffError(
            f"latency={latency} s: give at most {MAX_LATENCY}, or vocode the whole at once"
        )
    total = int(latency * frame_rate)
    if total < 2:
        raise AudiodiffError(
            f"latency={latency} s is less than two frames; give at least {2 / frame_rate:.3f}"
        )
    after = min(context, total // 2)
    return Pace(total - after, context, after)


def windows(mels: Iterable[MelPiece], pace: Pace) -> Iterator[tuple[MelPiece, Span]]:
    """Pieces of an endless mel with their context, as soon as they can be made.

    Args:
        mels: (batch, n_mels, any number of frames) each.
        pace: Sizes of the pieces.

    Yields:
        The frames of each piece, and its span in the whole.
    """
    held: MelPiece | None = None
    first = done = 0  # the first frame of `held`, and the first that is not made yet
    for mel in mels:
        held = mel if held is None else torch.cat([held, mel], 2)
        while first + held.shape[2] - done >= pace.chunk + pace.after:
            start = max(0, done - pace.before)
            last = done + pace.chunk + pace.after
            yield (
                held[..., start - first : last - first],
                Span(start, last, done, done + pace.chunk),
            )
            done += pace.chunk
            start = max(0, done - pace.before)
            held, first = held[..., start - first :], start
    end = first + (0 if held is None else held.shape[2])
    while held is not None and done < end:
        start, last = max(0, done - pace.before), min(end, done + pace.chunk + pace.after)
        keep = min(end, done + pace.chunk)
        yield held[..., start - first : last - first], Span(start, last, done, keep)
        done = keep


def mels_of(waves: Iterable[WavePiece], log_mel: LogMel) -> Iterator[MelPiece]:
    """The mel of an endless wave, frame by frame equal to `LogMel` of the whole.

    Args:
        waves: (batch, any number of samples) each.
        log_mel: The mel front-end.

    Yields:
        (batch, n_mels, frames): the frames that the samples so far complete.

    Raises:
        AudiodiffError: If the wave is too short for a frame.
    """
    config = log_mel.config
    n, hop, window = config.n_padding, config.hop_length, log_mel.window
    held: WavePiece | None = None
    begun = False
    for wave in waves:
        held = wave if held is None else torch.cat([held, wave], 1)
        if not begun and held.shape[1] >= config.min_samples:
            held, begun = _begun(held, n, config.pad_mode), True
        if begun and held.shape[1] >= config.n_fft:
            count = (held.shape[1] - config.n_fft) // hop + 1
            yield log_mel.of_spectrum(
                frames.stft(held[:, : (count - 1) * hop + config.n_fft], window, hop)
            )
            held = held[:, count * hop :]
    if held is None or not begun:
        config.check_wave(torch.zeros(1, 0) if held is None else held)
        return
    # What is left holds the last n_fft - hop samples and more, so there is enough to reflect.
    after = held[:, -n - 1 : -1].flip(1) if config.pad_mode == "reflect" and n else None
    ended = torch.cat([held, torch.zeros_like(held[:, :n]) if after is None else after], 1)
    if ended.shape[1] >= config.n_fft:
        yield log_mel.of_spectrum(frames.stft(ended, window, hop))


def _begun(wave: Wave, n: int, mode: frames.PadMode) -> frames.Padded:
    """The wave with padding before its first sample."""
    before = wave[:, 1 : n + 1].flip(1) if mode == "reflect" else wave.new_zeros(len(wave), n)
    return torch.cat([before, wave], 1)


def mel_of_sound(sound: SoundReader, log_mel: LogMel, multiple: int = 1) -> tuple[int, Mel]:
    """The mel of an open sound file, read in pieces.

    Args:
        sound: An open file.
        log_mel: The mel front-end, to whose sample rate the sound is resampled.
        multiple: Number of samples to a multiple of which the sound is padded.

    Returns:
        The length of the sound without padding, in samples at that rate, and its mel,
        (1, n_mels, frames).

    Raises:
        AudiodiffError: If the file cannot be read, or is too short for a frame.
    """
    device = log_mel.window.device

    def consume(pieces: Iterator[Samples]) -> tuple[int, Mel]:
        n_samples = 0

        def waves() -> Iterator[WavePiece]:
            nonlocal n_samples
            for piece in pieces:
                n_samples += len(piece)
                yield torch.from_numpy(piece)[None].to(device)
            yield torch.zeros(1, -n_samples % multiple, device=device)

        mel = torch.cat(list(mels_of(waves(), log_mel)), dim=2)
        return n_samples, mel

    return read_through(sound, log_mel.config.sample_rate, consume)

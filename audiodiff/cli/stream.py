"""`audiodiff vocode --stream`: mel or audio on standard input, PCM on standard output."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
import torch

from audiodiff._types import MelPiece, WavePiece
from audiodiff.audio import io
from audiodiff.errors import AudiodiffError
from audiodiff.pipelines.stream import mels_of
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.system.standard import cannot_write

KINDS = ("mel", "audio")
BLOCK_BYTES = 1 << 16
"""Greatest number of bytes read at once."""

FULL_SCALE = 32768

CONTAINERS = {b"RIFF": "wav", b"RF64": "wav", b"fLaC": "flac", b"OggS": "ogg", b"ID3": "mp3"}
"""First bytes of sound files, which would be played as samples."""


def stream(
    vocoder: Vocoder,
    kind: str,
    latency: float,
    n_steps: int | None,
    sampler: str | None,
    seed: int,
    source: BinaryIO,
    target: BinaryIO,
) -> int:
    """Reads to the end and writes 16-bit mono PCM, little-endian, at the model's rate.

    Args:
        vocoder: Vocoder that makes the sound.
        kind: Format of the input. ``mel``: little-endian float32, frame after frame, all bands
            of each; ``audio``: PCM in the output's format.
        latency: Longest wait of a frame for later ones, in seconds; see `Vocoder.stream`.
        n_steps: Number of sampler steps; the model's default if None.
        sampler: Name of the sampler; the model's default if None.
        seed: Seed of the noise.
        source: Binary stream to read.
        target: Binary stream to write.

    Returns:
        Number of samples written.

    Raises:
        AudiodiffError: If the kind is unknown, the input ends within a frame or a sample or
            cannot be read, or the output cannot be written.
    """
    if kind not in KINDS:
        raise AudiodiffError(f"--stream {kind!r} is unknown; choose from {', '.join(KINDS)}")
    log_mel = vocoder.model.log_mel
    assert log_mel is not None, "the command checks this"
    if kind == "mel":
        mels: Iterator[MelPiece] = _mels(source, log_mel.config.n_mels)
    else:
        mels = mels_of(_waves(source), log_mel)
    written = 0
    with torch.inference_mode():
        for wave in vocoder.stream(mels, latency, n_steps, sampler, seed):
            codes, _ = io.encode(wave[0].cpu().numpy(), "PCM_16")
            _write(target, codes.astype("<i2").tobytes())
            written += len(codes)
    return written


def _write(target: BinaryIO, data: bytes) -> None:
    try:
        target.write(data)
        target.flush()
    except BrokenPipeError:
        raise  # a player that was closed is no fault
    except OSError as error:
        raise cannot_write(error) from error


def _mels(source: BinaryIO, n_mels: int) -> Iterator[MelPiece]:
    for block in _blocks(source, 4 * n_mels, f"a frame of {n_mels} float32 bands"):
        values = np.frombuffer(block, "<f4").reshape(-1, n_mels)
        yield torch.from_numpy(values.T.astype(np.float32))[None]


def _waves(source: BinaryIO) -> Iterator[WavePiece]:
    first = True
    for block in _blocks(source, 2, "a 16-bit sample"):
        if first and (name := _container(block)):
            raise AudiodiffError(
                f"standard input begins as a {name} file; --stream audio reads bare 16-bit mono "
                "PCM at the model's rate, so send the samples without a header"
            )
        first = False
        yield torch.from_numpy(np.frombuffer(block, "<i2").astype(np.float32) / FULL_SCALE)[None]


def _container(block: bytes) -> str | None:
    """The kind of file that a first block of bytes begins, if any."""
    return next((name for sign, name in CONTAINERS.items() if block.startswith(sign)), None)


def _read(read: Callable[[int], bytes]) -> bytes:
    try:
        return read(BLOCK_BYTES)
    except OSError as error:
        raise AudiodiffError(
            f"cannot read standard input: {error.strerror}; send mel or audio to it"
        ) from error


def _blocks(source: BinaryIO, unit: int, what: str) -> Iterator[bytes]:
    """Whole units of the stream, as soon as they have arrived."""
    rest = b""
    read = getattr(source, "read1", source.read)
    while block := _read(read):
        rest += block
        whole = len(rest) // unit * unit
        if whole:
            yield rest[:whole]
            rest = rest[whole:]
    if rest:
        raise AudiodiffError(
            f"standard input ends {len(rest)} bytes into {what}; send whole ones, of {unit} bytes"
        )

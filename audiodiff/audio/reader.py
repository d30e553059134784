"""Sound files, read in blocks once their sizes are checked."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from jaxtyping import Float32, Float64, Shaped

from audiodiff.audio.wav_header import closed, read_wav_size
from audiodiff.config import MAX_HOURS, MAX_RATE
from audiodiff.errors import AudiodiffError

SPLIT = "split it into shorter files"
OR_ALLOW = ", or raise --max-hours"
"""What to do with a file that is too long, and what else in commands that have the option."""

CANCELLED = 0.01
"""Share of the power that the mean of unrelated channels has, below which channels cancel out."""

MAX_PEAK = 32.0
"""The greatest sample of a file, 30 dB above full scale; integers stored as floats exceed it."""

_INTEGER_SCALES = (2**15, 2**23, 2**31)
_BLOCK = 2**20


class SoundReader:
    """An open sound file, read in blocks of one channel.

    Attributes:
        path: The file.
        sample_rate: Its sample rate in Hz.
        n_channels: Its number of channels.
        n_samples: Its length by its header, in samples of one channel.
        subtype: The format of its samples, as soundfile names it.
    """

    def __init__(self, path: Path, file: soundfile.SoundFile) -> None:
        self.path, self._file = path, file
        self.sample_rate, self.n_channels = file.samplerate, file.channels
        self.n_samples: int = file.frames
        self.subtype: str = file.subtype
        self._powers: Float64[np.ndarray, " channels"] | None = None
        self._mean_power = 0.0

    def blocks(self, channel: int | None = None) -> Iterator[Float32[np.ndarray, " _"]]:
        """Reads the file from its start: one channel, or the mean of all.

        Raises:
            AudiodiffError: After the last block, if the file ends before the length that its header
                states, or holds NaN, infinity or samples beyond `MAX_PEAK`.
        """
        if self._powers is not None:  # read before; a pipe can be read only once
            self._file.seek(0)
        self._powers, self._mean_power = np.zeros(self.n_channels), 0.0
        n_read, n_bad, peak = 0, 0, 0.0
        first_bad = 0, 0.0
        # A limit on all channels together, so that many of them take no more memory than one.
        n = max(1, _BLOCK // self.n_channels)
        while len(block := self._file.read(n, dtype="float32", always_2d=True)):
            with np.errstate(invalid="ignore", over="ignore"):
                mean = block.mean(axis=1)
                self._powers += np.einsum("nc,nc->c", block, block, dtype=np.float64)
                self._mean_power += np.einsum("n,n->", mean, mean, dtype=np.float64)
            wave = mean if channel is None else np.ascontiguousarray(block[:, channel])
            if len(bad := np.flatnonzero(~np.isfinite(wave))):
                first_bad = first_bad if n_bad else (n_read + int(bad[0]), float(wave[bad[0]]))
                n_bad += len(bad)
            peak = max(peak, float(np.abs(wave).max()))
            n_read += len(wave)
            yield wave
        if n_bad:
            raise not_finite(str(self.path), n_bad, n_read, *first_bad)
        self._check(n_read, peak)

    def read(self, first: int, n: int, dtype: str) -> Shaped[np.ndarray, "n channels"]:
        """Some samples of all channels, with zeros after the file's end.

        Args:
            first: The first sample.
            n: Number of samples.
            dtype: ``float32`` or ``float64``, or ``int16`` or ``int32``, which hold full scale.

        Raises:
            AudiodiffError: If the file ends before the length that its header states.
        """
        wanted = max(0, min(n, self.n_samples - first))
        made = np.zeros((n, self.n_channels), dtype)
        if wanted:
            if self._file.tell() != first:  # seeking in a lossy file is not exact
                self._file.seek(first)
            found = self._file.read(wanted, dtype=dtype, always_2d=True)
            if len(found) < wanted:
                raise self._cut_off(first + len(found))
            made[:wanted] = found
        return made

    def _cut_off(self, n_read: int) -> AudiodiffError:
        return AudiodiffError(
            f"{self.path} is cut off: its header promises {self.n_samples} samples and "
            f"{n_read} can be read; copy or download it again, or, if it is whole, convert it "
            "to wav"
        )

    def _check(self, n_read: int, peak: float) -> None:
        """Refuses a file that turned out to be cut off, or to hold integers."""
        if n_read < self.n_samples:
            raise self._cut_off(n_read)
        if peak > MAX_PEAK:
            full_scale = next(n for n in _INTEGER_SCALES if peak <= n or n == _INTEGER_SCALES[-1])
            raise AudiodiffError(
                f"{self.path} holds floats up to {peak:.0f}, though full scale is 1; divide its "
                f"samples by {full_scale}"
            )

    @property
    def cancels(self) -> bool:
        """Whether the channels that were read are of opposite phase, so that their mean is lost."""
        assert self._powers is not None, "it was read"
        unrelated = self._powers.sum() / self.n_channels**2
        return bool(self._mean_power < CANCELLED * unrelated)

    @property
    def loudest(self) -> int:
        """The channel of the greatest power, once the file was read."""
        assert self._powers is not None, "it was read"
        return int(np.argmax(self._powers))


def not_finite(name: str, n_bad: int, n: int, first: int, value: float) -> AudiodiffError:
    """The error for a wave with samples that are NaN or infinite."""
    return AudiodiffError(
        f"{name} holds NaN or infinity in {n_bad} of {n} samples, the first being sample {first} "
        f"({value}); mend what made it"
    )


@contextmanager
def opened(path: Path, max_hours: float = MAX_HOURS, remedy: str = SPLIT) -> Iterator[SoundReader]:
    """Opens a sound file without reading its samples.

    Args:
        path: The file.
        max_hours: Length of the longest file to read, in hours.
        remedy: Advice to the user about a longer one.

    Raises:
        AudiodiffError: If the file is missing, empty, cut off or not sound, or its header states
            more than ``max_hours`` or a rate above `MAX_RATE`.
    """
    _check_present(path)
    try:
        # By its descriptor: libsndfile refuses names that this locale cannot decode, and a Python
        # file would be read through callbacks, in which Ctrl-C is lost.
        with ExitStack() as files:
            raw: BinaryIO = files.enter_context(path.open("rb"))
            size = read_wav_size(raw) if raw.seekable() else None
            if size is not None and size.cut:
                raise AudiodiffError(
                    f"{path} is cut off: its header promises {size.stated} bytes of samples and "
                    f"{size.present} are there; copy or download it again, or save it "
                    "again in a sound editor to keep what is there"
                )
            if size is not None and size.unclosed:
                raw = files.enter_context(closed(raw))
            if raw.seekable():
                os.lseek(raw.fileno(), 0, os.SEEK_SET)  # where libsndfile begins
            file = files.enter_context(soundfile.SoundFile(raw.fileno(), closefd=False))
            sound = SoundReader(path, file)
            _check_rate(sound)
            _check_length(sound, max_hours, remedy)
            yield sound
    except soundfile.LibsndfileError as error:
        raise AudiodiffError(
            f"{path} cannot be read as sound ({error.error_string.rstrip('.')}); "
            "give a wav, flac, ogg or mp3 file"
        ) from error
    except OSError as error:
        raise AudiodiffError(
            f"{path} cannot be read ({error.strerror}); check its permissions"
        ) from error


def _check_present(path: Path) -> None:
    if path.is_dir():
        raise AudiodiffError(f"{path} is a folder; give one sound file")
    if not path.exists():
        raise AudiodiffError(f"{path} does not exist; check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise AudiodiffError(f"{path} is empty (0 bytes); copy or download it again")


def _check_rate(sound: SoundReader) -> None:
    if sound.sample_rate > MAX_RATE:
        raise AudiodiffError(
            f"{sound.path} has a sample rate of {sound.sample_rate} Hz by its header and the limit "
            f"is {MAX_RATE}; resample it, or mend its header"
        )


def _check_length(sound: SoundReader, max_hours: float, remedy: str) -> None:
    if sound.n_samples == 0:
        raise AudiodiffError(
            f"{sound.path} holds a header and no samples; record or convert it again"
        )
    hours = sound.n_samples / sound.sample_rate / 3600
    if hours > max_hours:
        raise AudiodiffError(
            f"{sound.path} lasts {_duration(hours)} by its header and the limit is "
            f"{_duration(max_hours)}; {remedy}"
        )


def _duration(hours: float) -> str:
    """Hours as text; below a tenth of an hour, as seconds."""
    return f"{hours:.2f} hours".replace(".00", "") if hours >= 0.1 else f"{hours * 3600:.0f} s"

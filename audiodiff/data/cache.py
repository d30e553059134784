"""Every clip decoded once, into one memory-mapped file that training crops from.

Samples are kept in 16 bit: rounding adds noise at -98 dBFS to finer sources and none to a 16-bit
file at the cache's own rate; samples beyond full scale are clipped and counted. Beside ``NAME``
lies its index ``NAME.jsonl``: a line on the whole, and a line for each clip. Without a complete and
matching index the file counts as absent, and the index is written last, so a killed build leaves no
cache that seems valid.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock
from jaxtyping import Int16
from pydantic import NonNegativeInt

from audiodiff.audio.io import load
from audiodiff.config import Config, SampleRate
from audiodiff.data.clips import FULL_SCALE, SAMPLE, Clips
from audiodiff.data.corpus import Clip
from audiodiff.errors import AudiodiffError, in_unicode
from audiodiff.system.documents import read_json_lines

N_WORKERS = max(2, min(16, os.cpu_count() or 1))
"""Threads that decode clips."""


class ClipFile(Config):
    """The state of a clip's file, by which a changed file is recognised."""

    id: str
    path: str
    size: int | None
    mtime_ns: int | None

    @classmethod
    def of(cls, clip: Clip) -> "ClipFile":
        """The current state; size and time of change are None if the file cannot be accessed."""
        path = in_unicode(os.path.abspath(clip.path))
        try:
            stat = os.stat(clip.path)
        except OSError:
            return cls(id=clip.id, path=path, size=None, mtime_ns=None)
        return cls(id=clip.id, path=path, size=stat.st_size, mtime_ns=stat.st_mtime_ns)


class CacheHead(Config):
    """The first line of ``NAME.jsonl``."""

    sample_rate: SampleRate
    n_clips: NonNegativeInt


class CacheEntry(Config):
    """One clip in the cache: its length in samples, or the reason why it could not be read."""

    source: ClipFile
    length: NonNegativeInt
    n_clipped: NonNegativeInt
    reason: str | None


class CacheIndex(NamedTuple):
    """The content of ``NAME.jsonl``; the entries' samples lie one after another in ``NAME``."""

    sample_rate: int
    entries: tuple[CacheEntry, ...]

    def lines(self) -> Iterator[str]:
        """The lines of the file."""
        head = CacheHead(sample_rate=self.sample_rate, n_clips=len(self.entries))
        return (f"{line.model_dump_json()}\n" for line in (head, *self.entries))


class ClipCache(Clips):
    """The clips of a finished cache file, read through a memory map.

    Attributes:
        skipped: Why a clip could not be read, by the clip's id.
        n_clipped: Number of samples that exceeded full scale.
    """

    def __init__(self, path: Path, index: CacheIndex | None = None):
        """Opens a cache.

        Args:
            path: The file that `build_cache` wrote.
            index: Its index, if that was read already.

        Raises:
            AudiodiffError: If there is no whole cache there.
        """
        index = index or _read_index(path)
        if index is None:
            raise AudiodiffError(f"{path} is not a finished clip cache; build it again")
        clips = [entry for entry in index.entries if entry.reason is None]
        super().__init__(
            np.memmap(path, dtype=SAMPLE, mode="r"),
            [entry.source.id for entry in clips],
            [entry.length for entry in clips],
            index.sample_rate,
        )
        self.skipped = {
            entry.source.id: entry.reason for entry in index.entries if entry.reason is not None
        }
        self.n_clipped = sum(entry.n_clipped for entry in clips)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences to print: each clip that is left out, and the number of clipped samples."""
        notes = [f"clip {id_} is left out: {reason}" for id_, reason in self.skipped.items()]
        if self.n_clipped:
            notes.append(f"{self.n_clipped} samples exceeded full scale and were clipped")
        return tuple(notes)


def build_cache(
    clips: Sequence[Clip],
    sample_rate: int,
    path: Path,
    on_clip: Callable[[Clip], None] | None = None,
) -> ClipCache:
    """Opens the cache of these clips, decoding them all first if there is none.

    A cache is reused if it was made at this rate from the same ids and files (path, size and time
    of change). Several processes may call this at once: the first builds the cache, the others
    wait and open the result. Memory holds a few decoded clips at a time, never the corpus.

    Args:
        clips: Clips to decode, with distinct ids.
        sample_rate: Sample rate of the cache, in Hz; clips are resampled to it and mixed to mono.
        path: File to write; its folder is created, and an index and a lock are put beside it.
        on_clip: Called with each clip once it is decoded, in order; not for a reused cache.

    Raises:
        AudiodiffError: If there are no clips, none of them can be read or the cache cannot be
            written. Some unreadable clips are no error: see `ClipCache.skipped`.
    """
    if not clips:
        raise AudiodiffError(f"there are no clips to put into {path}; give at least one")
    if path.is_dir():
        raise AudiodiffError(f"the clip cache {path} is a folder; name a file, such as one in it")
    sources = [ClipFile.of(clip) for clip in clips]
    try:
        index = _matching(path, sources, sample_rate)
        if index is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(_beside(path, ".lock")):
                # Another process may have built it while this one waited for the lock.
                index = _matching(path, sources, sample_rate)
                if index is None:
                    index = _build(clips, sources, sample_rate, path, on_clip)
    except OSError as error:
        raise AudiodiffError(
            f"cannot write the clip cache {path} ({error}); free space there or choose "
            "another place"
        ) from error
    return ClipCache(path, index)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _read_index(path: Path) -> CacheIndex | None:
    """The index of a complete cache, or None."""
    index = _beside(path, ".jsonl")
    lines = read_json_lines(index)
    try:
        head = CacheHead.parse(next(lines, None), str(index))
        entries = tuple(CacheEntry.parse(line, str(index)) for line in lines)
        size = path.stat().st_size
    except (FileNotFoundError, AudiodiffError):
        return None
    whole = size == SAMPLE.itemsize * sum(entry.length for entry in entries)
    return CacheIndex(head.sample_rate, entries) if whole and len(entries) == head.n_clips else None


def _matching(path: Path, sources: Sequence[ClipFile], sample_rate: int) -> CacheIndex | None:
    """The index of a complete cache of these files at this rate, or None."""
    index = _read_index(path)
    if index is None or index.sample_rate != sample_rate:
        return None
    return index if [entry.source for entry in index.entries] == list(sources) else None


def _build(
    clips: Sequence[Clip],
    sources: Sequence[ClipFile],
    sample_rate: int,
    path: Path,
    on_clip: Callable[[Clip], None] | None,
) -> CacheIndex:
    partial, partial_index = _beside(path, ".partial"), _beside(path, ".jsonl.partial")
    entries = []
    with partial.open("wb") as file:
        decoded = _decode_in_order(clips, sample_rate)
        for clip, source, (samples, n_clipped, reason) in zip(clips, sources, decoded, strict=True):
            file.write(samples.tobytes())
            entries.append(
                CacheEntry(source=source, length=len(samples), n_clipped=n_clipped, reason=reason)
            )
            if on_clip is not None:
                on_clip(clip)
    if all(entry.reason is not None for entry in entries):
        partial.unlink()
        raise AudiodiffError(
            f"none of the {len(entries)} clips can be read; the first: {entries[0].reason}"
        )
    index = CacheIndex(sample_rate, tuple(entries))
    with partial_index.open("w", encoding="utf-8") as file:
        file.writelines(index.lines())
    # In this order an index never lies beside the samples of another build.
    _beside(path, ".jsonl").unlink(missing_ok=True)
    partial.replace(path)
    partial_index.replace(_beside(path, ".jsonl"))
    return index


Decoded = tuple[Int16[np.ndarray, " samples"], int, str | None]


def _decode_in_order(clips: Sequence[Clip], sample_rate: int) -> Iterator[Decoded]:
    """Decodes on all workers, at most two clips ahead per worker, so that memory stays bounded."""
    with ThreadPoolExecutor(N_WORKERS) as executor:
        waiting: deque[Future[Decoded]] = deque()
        for clip in clips:
            if len(waiting) == 2 * N_WORKERS:
                yield waiting.popleft().result()
            waiting.append(executor.submit(_decode, clip, sample_rate))
        while waiting:
            yield waiting.popleft().result()


def _decode(clip: Clip, sample_rate: int) -> Decoded:
    """The samples in 16 bit, the number clipped, and the reason if there are no samples."""
    nothing = np.zeros(0, dtype=SAMPLE)
    try:
        wave, _ = load(clip.path, sample_rate)
    except AudiodiffError as error:
        return nothing, 0, str(error)
    if len(wave) == 0:
        return nothing, 0, f"{clip.path} is too short to leave a sample at {sample_rate} Hz"
    samples = np.clip(np.rint(wave * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
    return samples.astype(SAMPLE), int(np.count_nonzero(np.abs(wave) > 1)), None

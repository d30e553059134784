"""A corpus in tar shards, written once and read as a stream, from a disk or over the network.

A shard is what webdataset writes and reads: ``KEY.flac`` and ``KEY.json`` for each clip. Beside the
shards lies ``shards.json``, which tells how much is in each, so that which shard an item of the
training sequence is cut from is known without reading any: training resumes in the middle of an
epoch by asking for the next item.
"""

import hashlib
import io
import json
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from jaxtyping import Int16
from pydantic import PositiveInt, ValidationError

from audiodiff.config import Config
from audiodiff.data.clips import SAMPLE, Clips
from audiodiff.data.corpus import SPLITS, read_ids
from audiodiff.data.prepare import MANIFEST_NAME, SETTINGS_NAME, Found, read_manifest, target
from audiodiff.errors import AudiodiffError
from audiodiff.system.atomic import replacing
from audiodiff.system.untrusted import DAMAGED, why

INDEX_NAME = "shards.json"

WINDOW = 4
"""Shards whose crops are mixed with each other."""

DAMAGED_SHARD: tuple[type[Exception], ...] = (*DAMAGED, tarfile.TarError)
"""What the readers of a shard raise at bytes that are none, soundfile's being a RuntimeError."""

TIMEOUT = 60
"""Seconds that a server may be silent."""

TRIES = 5
"""To read from a server, each after twice as long a wait as the one before, from a second on."""


class Shard(Config):
    """One tar file.

    Attributes:
        name: Of the file.
        clips: How many are in it.
        samples: In all of them.
    """

    name: str
    clips: PositiveInt
    samples: PositiveInt


class ShardIndex(Config):
    """The content of ``shards.json``.

    Attributes:
        sample_rate: Of all clips, in Hz.
        splits: The shards of train, dev and test.
    """

    sample_rate: PositiveInt
    splits: dict[str, tuple[Shard, ...]]


def write_shards(
    prepared: Path, out: Path, n_bytes: int, on_shard: Callable[[Shard], None]
) -> ShardIndex:
    """Packs a prepared corpus; whole shards that are there already are kept.

    Clips are in the order of a hash of their ids, so that voices are mixed. A shard's name tells
    its content, and the index comes last: a killed run goes on and ends with the same files.

    Args:
        prepared: What `prepare` wrote.
        out: The folder of the shards.
        n_bytes: Of a shard, about.
        on_shard: Called with each that is there.

    Raises:
        AudiodiffError: If there is no prepared corpus, or the shards cannot be written.
    """
    found = read_manifest(prepared / MANIFEST_NAME)
    if not found:
        raise AudiodiffError(f"{prepared} holds no {MANIFEST_NAME}; prepare the corpus first")
    rate = json.loads((prepared / SETTINGS_NAME).read_text(encoding="utf-8"))["sample_rate"]
    splits: dict[str, tuple[Shard, ...]] = {}
    for split in SPLITS:
        if not (prepared / f"{split}.txt").is_file():
            continue
        shards = []
        ids = sorted(read_ids(prepared / f"{split}.txt"), key=_hash)
        for n, part in enumerate(_parts(prepared, ids, n_bytes)):
            content = _hash("\n".join(f"{id_} {found[id_].digest}" for id_ in part))
            name = f"{split}-{n:06}-{content[:8]}.tar"
            samples = sum(round(found[id_].seconds * rate) for id_ in part)
            shards.append(Shard(name=name, clips=len(part), samples=samples))
            if not (out / name).is_file():
                _write(out / name, prepared, part, found)
            on_shard(shards[-1])
        splits[split] = tuple(shards)
    index = ShardIndex(sample_rate=rate, splits=splits)
    with replacing(out / INDEX_NAME) as temporary:
        temporary.write_text(index.model_dump_json(indent=1) + "\n", encoding="utf-8")
    named = {shard.name for shards in splits.values() for shard in shards}
    for path in out.glob("*.tar"):
        if path.name not in named:
            path.unlink()
    return index


class _Place(NamedTuple):
    """A stretch of one process's sequence, in which the crops of a few shards are mixed."""

    first: int
    shards: tuple[int, ...]
    items: tuple[int, ...]


class Shards:
    """Clips to train on, in shards.

    Every process has shards of its own, in an order drawn anew for each epoch; it takes a few at
    a time, as many crops of each as it is long, in a random order. So which shard item k is cut
    from is a function of (seed, k); the next few are fetched while those before are used.

    Attributes:
        ids: The shards' names.
        sample_rate: In Hz.
        duration: Seconds in all.

    Args:
        place: A folder, or its address from ``http://`` or ``https://`` on.
        seed: Of the order.
        n_samples: Of a crop.
        batch_size: Items that a process takes at once.
        world: How many processes take them, in turn.

    Raises:
        AudiodiffError: If the index cannot be read, or there are fewer shards than processes.
    """

    def __init__(self, place: str, seed: int, n_samples: int, batch_size: int, world: int) -> None:
        self.place, self.index = place, read_index(place)
        self.shards = self.index.splits.get("train", ())
        if len(self.shards) < world:
            raise AudiodiffError(
                f"{place} has {len(self.shards)} shards to train on for {world} processes; write "
                "more and smaller ones"
            )
        self.ids = tuple(shard.name for shard in self.shards)
        self.sample_rate = self.index.sample_rate
        self.duration = sum(shard.samples for shard in self.shards) / self.sample_rate
        self.seed, self.n_samples, self.batch_size, self.world = seed, n_samples, batch_size, world
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="shards")
        self._loaded: dict[int, Future[Clips]] = {}
        self._places: Iterator[_Place] = iter(())
        self._now = self._next = _Place(0, (), ())
        self._rank = -1

    def at(self, k: int) -> Clips:
        """The clips of the shard that item k is cut from, fetched now if they are not there.

        Raises:
            AudiodiffError: If the shard cannot be read.
        """
        shard = self.shard_of(k)
        wanted = (*self._now.shards, *self._next.shards)
        for other in set(self._loaded) - set(wanted):
            del self._loaded[other]
        for other in wanted:
            if other not in self._loaded:
                self._loaded[other] = self._executor.submit(
                    read_shard, self.place, self.shards[other].name, self.sample_rate
                )
        return self._loaded[shard].result()

    def shard_of(self, k: int) -> int:
        """The place in `ids` of the shard that item k is cut from."""
        turn, item = divmod(k, self.batch_size)
        rank, j = turn % self.world, turn // self.world * self.batch_size + item
        if rank != self._rank or j < self._now.first:
            self._rank, self._places = rank, self._sequence(rank)
            self._now, self._next = next(self._places), next(self._places)
        while j >= self._next.first:
            self._now, self._next = self._next, next(self._places)
        return self._now.items[j - self._now.first]

    def _sequence(self, rank: int) -> Iterator[_Place]:
        """All of one process's sequence, epoch after epoch."""
        first, epoch = 0, 0
        while True:
            order = self._rng(epoch).permutation(len(self.shards))[rank :: self.world]
            for n in range(0, len(order), WINDOW):
                chosen = tuple(int(i) for i in order[n : n + WINDOW])
                items = np.repeat(chosen, [self._crops_of(i) for i in chosen])
                self._rng(epoch, rank, n).shuffle(items)
                yield _Place(first, chosen, tuple(items.tolist()))
                first += len(items)
            epoch += 1

    def _crops_of(self, shard: int) -> int:
        return max(1, round(self.shards[shard].samples / self.n_samples))

    def _rng(self, *places: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence((self.seed, *places))))


def read_index(place: str) -> ShardIndex:
    """What lies in a folder of shards.

    Raises:
        AudiodiffError: If its index is missing or damaged.
    """
    try:
        return ShardIndex.model_validate_json(_read(place, INDEX_NAME))
    except OSError as error:
        raise AudiodiffError(
            f"{place} has no {INDEX_NAME} that can be read ({error}); give a folder that "
            "`audiodiff prepare --shards` wrote, or its address"
        ) from error
    except ValidationError as error:
        raise AudiodiffError(
            f"{INDEX_NAME} in {place} is damaged; write the shards anew"
        ) from error


def read_split(place: str, split: str) -> Clips:
    """All clips of a split in memory.

    Raises:
        AudiodiffError: If there are none, or they cannot be read.
    """
    index = read_index(place)
    shards = index.splits.get(split, ())
    if not shards:
        raise AudiodiffError(f"{place} has no shard of {split}; write the shards anew")
    parts = [read_shard(place, shard.name, index.sample_rate) for shard in shards]
    return Clips(
        np.concatenate([part.samples for part in parts]),
        [id_ for part in parts for id_ in part.ids],
        [int(n) for part in parts for n in part.lengths],
        index.sample_rate,
    )


def read_shard(place: str, name: str, sample_rate: int) -> Clips:
    """The clips of one shard, decoded.

    Raises:
        AudiodiffError: If it cannot be read, or holds clips at another rate.
    """
    from webdataset.tariterators import group_by_keys, tar_file_iterator

    try:
        stream = io.BytesIO(_read(place, name))
        files = ({**file, "__url__": name} for file in tar_file_iterator(stream))
        ids, waves, rates = zip(*map(_decoded, group_by_keys(files)), strict=True)
    except DAMAGED_SHARD as error:
        raise AudiodiffError(
            f"shard {name} of {place} cannot be read ({why(error)}); fetch or write it again"
        ) from error
    if set(rates) != {sample_rate}:
        raise AudiodiffError(
            f"shard {name} of {place} has clips at {max(rates)} Hz, not {sample_rate}; write it "
            "anew"
        )
    return Clips(np.concatenate(waves), ids, [len(wave) for wave in waves], sample_rate)


def _decoded(sample: Mapping[str, Any]) -> tuple[str, Int16[np.ndarray, " samples"], int]:
    """The id, the samples and the rate of a clip."""
    wave, rate = soundfile.read(io.BytesIO(sample["flac"]), dtype="int16")
    return json.loads(sample["json"])["source"]["id"], wave.astype(SAMPLE), rate


def _read(place: str, name: str) -> bytes:
    if not place.startswith(("http://", "https://")):
        return (Path(place) / name).read_bytes()
    for n in range(TRIES):
        try:
            url = f"{place.rstrip('/')}/{name}"
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            if error.code < 500 or n == TRIES - 1:  # it would say so again
                raise
        except OSError:
            if n == TRIES - 1:
                raise
        time.sleep(2**n)
    raise AssertionError("the last try returns or raises")


def _parts(prepared: Path, ids: Sequence[str], n_bytes: int) -> Iterator[list[str]]:
    """The ids in turn, until their files are as large as a shard."""
    part: list[str] = []
    size = 0
    for id_ in ids:
        part.append(id_)
        size += target(prepared, id_).stat().st_size
        if size >= n_bytes:
            yield part
            part, size = [], 0
    if part:
        yield part


def _write(path: Path, prepared: Path, ids: Sequence[str], found: Found) -> None:
    from webdataset import TarWriter

    # With a fixed time, so that the same clips make the same file.
    with (
        replacing(path) as temporary,
        temporary.open("wb") as file,
        TarWriter(file, encoder=False, mtime=0.0) as writer,
    ):
        for n, id_ in enumerate(ids):
            sound = target(prepared, id_).read_bytes()
            facts = found[id_].model_dump_json().encode()
            writer.write({"__key__": f"{n:08}", "flac": sound, "json": facts})


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()

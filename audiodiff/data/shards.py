"""Shards to train on, read as a stream from a disk or over the network.

The index tells how much is in each shard, so which one an item of the training sequence is cut from
is known without reading any: training resumes in the middle of an epoch by asking for the next
item.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from audiodiff.data.clips import Clips
from audiodiff.data.shard_files import Content, Shard, read_index, read_shard
from audiodiff.errors import AudiodiffError

WINDOW = 4
"""Shards whose crops are mixed with each other."""


class _Place(NamedTuple):
    """A stretch of one process's sequence, in which the crops of a few shards are mixed.

    Attributes:
        first: Position of its first item in the process's sequence.
        shards: Shards that it is cut from, as places in `Shards.ids`.
        items: Shard that each item is cut from.
    """

    first: int
    shards: tuple[int, ...]
    items: tuple[int, ...]


class Shards:
    """Clips to train on, in shards.

    Each process has its own shards, in an order drawn anew for each epoch. It mixes the crops of
    `WINDOW` shards at a time, in random order, as many of each shard as the shard is long. Which
    shard item k is cut from is therefore a function of (seed, k); the next few shards are fetched
    while the current ones are used.

    Attributes:
        ids: Names of the shards.
        sample_rate: Sample rate of the clips, in Hz.
        duration: Seconds of sound in all shards.

    Args:
        place: Folder of the shards, or its ``http://`` or ``https://`` address.
        seed: Seed of the order.
        n_samples: Length of a crop in samples.
        batch_size: Number of consecutive items that a process takes.
        world: Number of processes, which take turns.
        n_bytes: Most bytes of a text, for a model that takes texts; None for any other.

    Raises:
        AudiodiffError: If the index cannot be read, or there are fewer shards than processes.
    """

    def __init__(
        self,
        place: str,
        seed: int,
        n_samples: int,
        batch_size: int,
        world: int,
        n_bytes: int | None = None,
    ) -> None:
        self.place, self.index, self.n_bytes = place, read_index(place), n_bytes
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
        """The clips of the shard that item k is cut from, fetched if they are not in memory.

        Raises:
            AudiodiffError: If the shard cannot be read, or lacks a text that the model needs.
        """
        shard = self.shard_of(k)
        wanted = (*self._now.shards, *self._next.shards)
        for other in set(self._loaded) - set(wanted):
            del self._loaded[other]
        for other in wanted:
            if other not in self._loaded:
                self._loaded[other] = self._executor.submit(self._read, self.shards[other])
        return self._loaded[shard].result()

    def _read(self, shard: Shard) -> Clips:
        return read_shard(self.place, shard, self.sample_rate).with_texts(self.n_bytes)

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
        """The sequence of one process, epoch after epoch."""
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


def read_split(place: str, split: str, n_bytes: int | None = None) -> Clips:
    """Reads all clips of a split into memory.

    Args:
        place: Folder of the shards, or its address.
        split: The split.
        n_bytes: Most bytes of a text, for a model that takes texts; None for any other.

    Raises:
        AudiodiffError: If there are none, they cannot be read, or one lacks a text that the model
            needs.
    """
    index = read_index(place)
    shards = index.splits.get(split, ())
    if not shards:
        raise AudiodiffError(f"{place} has no shard of {split}; write the shards again")
    contents = [read_shard(place, shard, index.sample_rate) for shard in shards]
    parts = [content.clips for content in contents]
    clips = Clips(
        np.concatenate([part.samples for part in parts]),
        [id_ for part in parts for id_ in part.ids],
        [int(n) for part in parts for n in part.lengths],
        index.sample_rate,
    )
    captions = {id_: texts for content in contents for id_, texts in content.captions.items()}
    return Content(clips, captions).with_texts(n_bytes)

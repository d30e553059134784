"""Corpora in tar shards: written, read, and trained from."""

import functools
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from corpora import put

pytest.importorskip("webdataset")

from audiodiff.data.crops import crop_batch
from audiodiff.data.layouts import read_layout
from audiodiff.data.prepare import prepare
from audiodiff.data.prepared import PrepareSettings
from audiodiff.data.shard_files import ShardIndex, read_index
from audiodiff.data.shard_writer import write_shards
from audiodiff.data.shards import Shards, read_split
from audiodiff.errors import AudiodiffError

RATE = 8000
N_CLIPS = 24
N_SAMPLES = 2000


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared corpus with shards of about four clips."""
    folder = tmp_path_factory.mktemp("packed")
    for seed in range(N_CLIPS):
        put(folder / "raw" / f"voice{seed % 3}" / f"{seed:02}.wav", seed, RATE, 0.6 + 0.05 * seed)
    with ThreadPoolExecutor(2) as pool:
        prepare(
            read_layout("folder", folder / "raw", None),
            folder / "out",
            PrepareSettings(sample_rate=RATE),
            pool,
            lambda n: None,
        )
    pack(folder / "out")
    return folder / "out"


def pack(prepared: Path) -> ShardIndex:
    return write_shards(prepared, prepared / "shards", 40_000, lambda shard: None)


def sequence(shards: Shards, rank: int, n: int) -> list[int]:
    """The shards of a process's first items."""
    turns = -(-n // shards.batch_size)
    places = (
        (turn * shards.world + rank) * shards.batch_size + item
        for turn in range(turns)
        for item in range(shards.batch_size)
    )
    return [shards.shard_of(k) for k in places][:n]


def test_shards_hold_what_was_prepared(packed: Path) -> None:
    index = read_index(str(packed / "shards"))
    assert len(index.splits["train"]) >= 6
    train = read_split(str(packed / "shards"), "train")
    listed = (packed / "train.txt").read_text().split()
    assert sorted(train.ids) == sorted(listed)
    assert sum(shard.samples for shard in index.splits["train"]) == train.n_samples
    i = train.ids.index(listed[0])
    from audiodiff.audio import io

    wave, _ = io.load(packed / "wavs" / f"{listed[0]}.flac")
    np.testing.assert_array_equal(train.wave(i), wave)


def test_packing_again_writes_nothing_and_other_clips_other_shards(
    packed: Path, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in (packed / "shards").glob("*.tar")}
    content = {path.name: path.read_bytes() for path in before}
    first = next(iter(before))
    first.unlink()  # as if it had been killed before
    pack(packed)
    assert {p.name: p.read_bytes() for p in (packed / "shards").glob("*.tar")} == content
    kept = [path for path in before if path != first]
    assert all(path.stat().st_mtime_ns == before[path] for path in kept)
    with pytest.raises(AudiodiffError, match="holds no manifest"):
        pack(tmp_path)


def test_every_crop_of_an_epoch_comes_from_a_shard_as_often_as_it_is_long(packed: Path) -> None:
    place = str(packed / "shards")
    shards = Shards(place, seed=0, n_samples=N_SAMPLES, batch_size=4, world=1)
    expected = {i: round(shard.samples / N_SAMPLES) for i, shard in enumerate(shards.shards)}
    n = sum(expected.values())
    found = sequence(shards, 0, 2 * n)
    assert Counter(found[:n]) == expected
    assert Counter(found[n:]) == expected
    assert found[:n] != found[n:]
    again = Shards(place, seed=0, n_samples=N_SAMPLES, batch_size=4, world=1)
    assert [again.shard_of(k) for k in (n + 3, 5, n + 1)] == [found[k] for k in (n + 3, 5, n + 1)]


def test_processes_share_the_shards_of_an_epoch(packed: Path) -> None:
    place = str(packed / "shards")
    shards = [Shards(place, 0, N_SAMPLES, batch_size=2, world=2) for _ in range(2)]
    parts = [set(sequence(shards[rank], rank, 10)) for rank in range(2)]
    assert not parts[0] & parts[1]
    with pytest.raises(AudiodiffError, match="for 99 processes; write more and smaller ones"):
        Shards(place, 0, N_SAMPLES, 2, world=99)


class Flaky(SimpleHTTPRequestHandler):
    """Serves a folder, and fails the first time that it is asked for a tar file."""

    failed = False

    def do_GET(self) -> None:
        if self.path.endswith(".tar") and not Flaky.failed:
            Flaky.failed = True
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def served(packed: Path) -> Iterator[str]:
    handler = functools.partial(Flaky, directory=str(packed / "shards"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_crops_over_the_network_are_those_from_the_disk(packed: Path, served: str) -> None:
    def crops(place: str) -> np.ndarray:
        shards = Shards(place, seed=0, n_samples=N_SAMPLES, batch_size=4, world=1)
        return crop_batch(shards, seed=0, start=4, batch_size=8, n_samples=N_SAMPLES).wave.numpy()

    np.testing.assert_array_equal(crops(served), crops(str(packed / "shards")))
    with pytest.raises(
        AudiodiffError, match=r"has no shards.json that can be read \(HTTP Error 404"
    ):
        Shards(f"{served}/nowhere", 0, N_SAMPLES, 4, 1)


def test_a_damaged_shard_is_named(packed: Path, tmp_path: Path) -> None:
    for path in (packed / "shards").iterdir():
        content = path.read_bytes()
        kept = len(content) // 2 if "train" in path.name else len(content)
        (tmp_path / path.name).write_bytes(content[:kept])
    with pytest.raises(AudiodiffError, match=r"shard train-00000\d-\w{8}.tar of .* cannot be read"):
        read_split(str(tmp_path), "train")

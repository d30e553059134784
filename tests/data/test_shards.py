"""Corpora in tar shards: written, read, and trained from."""

import functools
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from corpora import put

pytest.importorskip("webdataset")

from audiodiff.data.captioned import CaptionedClips, write_captions
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


def test_texts_go_with_their_clips(packed: Path, tmp_path: Path) -> None:
    shutil.copytree(packed, tmp_path / "out")
    place = str(tmp_path / "out" / "shards")
    before = {path.name for path in Path(place).glob("*.tar")}
    ids = [id_ for split in ("train", "dev") for id_ in read_split(place, split).ids]
    captions = {id_: [f"it is {id_}", id_] for id_ in ids}
    write_captions(tmp_path / "out", captions)
    pack(tmp_path / "out")
    for split in ("train", "dev"):
        clips = read_split(place, split, n_bytes=40)
        assert isinstance(clips, CaptionedClips)
        assert clips.texts == [tuple(captions[id_]) for id_ in clips.ids]
        plain = read_split(place, split)
        assert not plain.condition(0, 0, 100)
        np.testing.assert_array_equal(plain.samples, clips.samples)
    with_texts = {path.name for path in Path(place).glob("*.tar")}
    shards = Shards(place, 0, N_SAMPLES, batch_size=4, world=1, n_bytes=40)
    crops = crop_batch(shards, seed=0, start=0, batch_size=4, n_samples=N_SAMPLES)
    assert crops.cond["text"].shape[0] == 4
    # Another text is another shard; one that the model does not take is said.
    captions[ids[0]] = ["x" * 41]
    write_captions(tmp_path / "out", captions)
    pack(tmp_path / "out")
    after = {path.name for path in Path(place).glob("*.tar")}
    assert len(after - with_texts) == len(with_texts - after) == 1
    assert not with_texts & {name for name in before if not name.startswith("test")}
    with pytest.raises(AudiodiffError, match=f"clip '{ids[0]}' of captions.jsonl: text='x+' has"):
        read_split(place, "train", n_bytes=40)
    with pytest.raises(AudiodiffError, match=r"clip '.*' has no text; add a captions.jsonl"):
        read_split(str(packed / "shards"), "dev", n_bytes=40)


class Flaky(SimpleHTTPRequestHandler):
    """Serves a folder, but fails at first when it is asked for a tar file, each time otherwise."""

    fails: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        fault = Flaky.fails.pop() if self.path.endswith(".tar") and Flaky.fails else None
        if fault == "error":
            self.send_error(503)
        elif fault == "dropped":
            content = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
        elif fault == "silent":
            self.close_connection = True
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


def test_crops_over_the_network_are_those_from_the_disk(
    packed: Path, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("audiodiff.data.places.time.sleep", waits.append)
    Flaky.fails[:] = ["silent", "dropped", "error"]

    def crops(place: str) -> np.ndarray:
        shards = Shards(place, seed=0, n_samples=N_SAMPLES, batch_size=4, world=1)
        return crop_batch(shards, seed=0, start=4, batch_size=8, n_samples=N_SAMPLES).wave.numpy()

    np.testing.assert_array_equal(crops(served), crops(str(packed / "shards")))
    assert waits == [1, 2, 4]
    with pytest.raises(
        AudiodiffError, match=r"has no shards.json that can be read \(HTTP Error 404"
    ):
        Shards(f"{served}/nowhere", 0, N_SAMPLES, 4, 1)
    Flaky.fails[:] = ["dropped"] * 5
    with pytest.raises(AudiodiffError, match=r"cannot be read \(the connection fails: Incomplete"):
        read_split(served, "dev")
    with pytest.raises(AudiodiffError, match="has no shards.json that can be read"):
        read_index("http://127.0.0.1:port")


def test_a_damaged_shard_is_named(packed: Path, tmp_path: Path) -> None:
    for path in (packed / "shards").iterdir():
        content = path.read_bytes()
        kept = len(content) // 2 if "train" in path.name else len(content)
        (tmp_path / path.name).write_bytes(content[:kept])
    with pytest.raises(AudiodiffError, match=r"shard train-00000\d-\w{8}.tar of .* cannot be read"):
        read_split(str(tmp_path), "train")


def test_a_clip_that_the_manifest_lost_is_named(packed: Path, tmp_path: Path) -> None:
    prepared = shutil.copytree(packed, tmp_path / "out")
    manifest = prepared / "manifest.jsonl"
    first, *lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join([first[:50], *lines]))
    with pytest.raises(
        AudiodiffError, match=r"manifest.jsonl has no line for the clip 'voice0/00'"
    ):
        pack(prepared)

"""Every small file that the project writes, damaged: read, or refused in one sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from damage import ODD, altered, altered_lines, damaged, places, with_value, within_limits
from found_times import found_for
from hypothesis import given
from hypothesis import strategies as st
from small_models import CONSISTENT, TRAINING, small_config, small_stft_config, untrained

from audiodiff.data.cache import CacheEntry, CacheIndex, ClipFile
from audiodiff.data.cache import _read_index as read_cache_index
from audiodiff.data.prepare import _check_settings as check_settings
from audiodiff.data.prepared import Facts, PrepareSettings, read_manifest
from audiodiff.data.shard_files import Shard, ShardIndex
from audiodiff.data.shard_writer import write_shards
from audiodiff.data.shards import Shards
from audiodiff.model.found import load_times
from audiodiff.model.model import Model
from audiodiff.search.memory import Done, Memory
from audiodiff.system.index import indexing
from audiodiff.training.config import TrainConfig, read_train_config
from audiodiff.training.monitor import _read_log as read_log
from audiodiff.training.plots import curves_figure
from audiodiff.training.run_folder import check_free


class Written(NamedTuple):
    """What writes a file into a folder, what may become of its bytes, and what reads it."""

    name: str
    write: Callable[[Path], str]
    damage: Callable[[bytes], st.SearchStrategy[bytes]]
    read: Callable[[Path], Any]


class Calls:
    calls = 0


def anything(content: bytes) -> st.SearchStrategy[bytes]:
    return st.one_of(altered(content), altered(content), damaged(content))


def model_config(folder: Path) -> str:
    untrained(small_config()).save(folder)
    return (folder / "config.json").read_text()


def guided_model_config(folder: Path) -> str:
    untrained(small_stft_config(sampling=CONSISTENT)).save(folder)
    return (folder / "config.json").read_text()


def times_found(folder: Path) -> str:
    untrained(small_config()).save(folder)
    found = found_for(folder)
    return json.dumps([found.model_dump(mode="json")] * 2)


def training_settings(folder: Path) -> str:
    (folder / "run.toml").write_text(TRAINING)
    return read_train_config(folder / "run.toml").model_dump_json(indent=2)


def resumed(folder: Path) -> None:
    check_free(folder, read_train_config(folder / "run.toml"), resume=True)


def training_log(folder: Path) -> str:
    records = [{"step": n, "train/loss": 1 / n, "dev/loss": float("nan")} for n in range(1, 5)]
    return "".join(json.dumps(record) + "\n" for record in records)


def facts() -> list[Facts]:
    sources = [ClipFile(id=f"a/{n}", path=f"/a/{n}.wav", size=9, mtime_ns=n) for n in range(3)]
    return [Facts(source=source, rate=16000, seconds=1.0, digest="0a") for source in sources]


def manifest(folder: Path) -> str:
    (folder / "train.txt").write_text("a/0\na/1\n")
    (folder / "prepare.json").write_text(PrepareSettings(sample_rate=16000).model_dump_json())
    for one in facts():
        path = folder / "wavs" / f"{one.id}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sound")
    return "".join(one.model_dump_json() + "\n" for one in facts())


def prepare_settings(folder: Path) -> str:
    (folder / "manifest.jsonl").write_text(manifest(folder))
    return PrepareSettings(sample_rate=16000).model_dump_json(indent=2)


def packed(folder: Path) -> None:
    write_shards(folder, folder / "shards", 10, lambda shard: None)


def shard_index(folder: Path) -> str:
    shards = tuple(Shard(name=f"train-{n}.tar", clips=3, samples=9000) for n in range(3))
    return ShardIndex(sample_rate=16000, splits={"train": shards}).model_dump_json()


def sequence_of_shards(folder: Path) -> None:
    shards = Shards(str(folder), seed=0, n_samples=4000, batch_size=2, world=1)
    assert all((folder / name).parent == folder for name in shards.ids)
    shards.shard_of(5)


def cache_index(folder: Path) -> str:
    (folder / "clips").write_bytes(bytes(12))
    entries = (CacheEntry(source=one.source, length=2, n_clipped=0, reason=None) for one in facts())
    return "".join(CacheIndex(16000, tuple(entries)).lines())


def vocoded(folder: Path) -> str:
    lines = [{"target": f"out/{n}.wav", "source": f"{n}.npy", "seconds": 1.5} for n in range(3)]
    return "".join(json.dumps(line) + "\n" for line in lines)


def costs(folder: Path) -> str:
    lines = [{"key": "ca978112ca1b", "times": f"1 0.{n} 0", "cost": 0.5, "calls": 3} for n in "12"]
    return "".join(json.dumps(line) + "\n" for line in lines)


def steps_done(folder: Path) -> str:
    return json.dumps({"key": "ca978112ca1b", "steps": [1, 2]})


def continued(folder: Path) -> None:
    with indexing(folder / "i.jsonl"):
        pass


FILES = {
    "model": Written("config.json", model_config, anything, Model.load),
    "guided model": Written("config.json", guided_model_config, anything, Model.load),
    "times found": Written("schedules.json", times_found, anything, load_times),
    "training settings": Written("train.json", training_settings, anything, resumed),
    "training log": Written(
        "log.jsonl", training_log, altered_lines, lambda f: curves_figure(read_log(f / "log.jsonl"))
    ),
    "manifest": Written("manifest.jsonl", manifest, altered_lines, packed),
    "journal": Written(
        ".manifest.jsonl", manifest, altered_lines, lambda f: read_manifest(f / ".manifest.jsonl")
    ),
    "prepare settings": Written("prepare.json", prepare_settings, anything, packed),
    "prepare settings again": Written(
        "prepare.json",
        prepare_settings,
        anything,
        lambda folder: check_settings(folder / "prepare.json", PrepareSettings(sample_rate=16000)),
    ),
    "shards": Written("shards.json", shard_index, anything, sequence_of_shards),
    "clip cache": Written(
        "clips.jsonl", cache_index, altered_lines, lambda f: read_cache_index(f / "clips")
    ),
    "index": Written("i.jsonl", vocoded, altered_lines, continued),
    "search memory": Written(
        "m.jsonl",
        costs,
        altered_lines,
        lambda folder: Memory(lambda times: 0.0, Calls(), folder / "m.jsonl", "a"),
    ),
    "search done": Written("d.json", steps_done, anything, lambda f: Done(f / "d.json", "a")),
}


# Libraries warn of odd numbers, such as mel bands that hold no bin.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(name: str, tmp_path: Path, data: st.DataObject) -> None:
    file = FILES[name]
    path, whole = tmp_path / file.name, tmp_path / "whole"
    if not whole.exists():  # the first example
        whole.write_text(file.write(tmp_path))
    path.write_bytes(data.draw(file.damage(whole.read_bytes())))
    with within_limits():
        file.read(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_what_is_whole_is_read(name: str, tmp_path: Path) -> None:
    file = FILES[name]
    content = file.write(tmp_path).encode()
    for mark in (b"", b"\xef\xbb\xbf"):
        (tmp_path / file.name).write_bytes(mark + content)
        file.read(tmp_path)


@given(damage=damaged(TRAINING.encode()))
def test_a_damaged_config_is_read_or_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "run.toml").write_bytes(damage)
    with within_limits():
        read_train_config(tmp_path / "run.toml")


# librosa warns of mels with bands that hold no bin.
@pytest.mark.filterwarnings("ignore")
def test_every_value_of_a_config_may_be_odd(tmp_path: Path) -> None:
    whole = json.loads(training_settings(tmp_path))
    for place in places(whole)[1:]:
        for odd in ODD:
            with within_limits():
                TrainConfig.parse(with_value(whole, place, odd), "it")

"""Shards and indices that are not what they say."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("webdataset")

from audiodiff.data.shard_files import read_index
from audiodiff.data.shards import read_split
from audiodiff.errors import AudiodiffError

RATE = 8000


def a_shard(
    folder: Path,
    wave: np.ndarray,
    rate: int = RATE,
    mode: str = "w",
    texts: str = '["one"]',
    **stated: int,
) -> str:
    """A folder with one shard of one clip, which the index states or not."""
    encoded = io.BytesIO()
    soundfile.write(encoded, wave, rate, format="FLAC")
    with tarfile.open(folder / "dev.tar", mode) as tar:  # type: ignore[call-overload]
        for suffix, content in (
            ("flac", encoded.getvalue()),
            ("json", b'{"source": {"id": "a", "path": "a", "size": 1, "mtime_ns": 1}}'),
            ("texts.json", texts.encode()),
        ):
            member = tarfile.TarInfo(f"00000000.{suffix}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    shard = {"name": "dev.tar", "clips": 1, "samples": len(wave)} | stated
    index = {"sample_rate": RATE, "splits": {"dev": [shard]}}
    (folder / "shards.json").write_text(json.dumps(index))
    return str(folder)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ({}, None),
        ({"channels": 2}, r"clip 00000000 has 2 channels, not one"),
        ({"rate": 16000}, r"clip 00000000 is at 16000 Hz, not 8000"),
        ({"mode": "w:gz"}, r"not a|truncated|bad checksum|invalid header"),
        ({"clips": 2}, r"it holds 1 clips of 500 samples where shards.json states 2 of 500"),
        ({"samples": 501}, r"it holds 1 clips of 500 samples where shards.json states 1 of 501"),
        ({"samples": 499}, r"it holds more samples than shards.json states"),
        ({"seconds": 3600, "samples": 1}, r"it holds more samples than shards.json states"),
        ({"texts": "[]"}, r"its texts does not fit: texts: "),
        ({"texts": "one"}, r"its texts "),
    ],
)
def test_a_shard_that_is_not_as_stated_is_one_sentence(
    tmp_path: Path, kind: dict, reason: str | None
) -> None:
    stated = dict(kind)
    shape = (stated.pop("seconds", 0.0625) * RATE, stated.pop("channels", 1))
    place = a_shard(tmp_path, np.zeros([round(n) for n in shape]), **stated)
    if reason is None:
        assert read_split(place, "dev").ids == ("a",)
    else:
        with pytest.raises(
            AudiodiffError, match=rf"shard dev\.tar of .* \(.*({reason}).*\); fetch"
        ):
            read_split(place, "dev")


def test_a_shard_larger_than_it_can_need_or_no_file_is_not_read(tmp_path: Path) -> None:
    place = a_shard(tmp_path, np.zeros(500))
    with (tmp_path / "dev.tar").open("ab") as file:
        file.truncate(2**30)
    with pytest.raises(AudiodiffError, match=r"more than \d+ bytes, the most that it should need"):
        read_split(place, "dev")
    (tmp_path / "dev.tar").unlink()
    (tmp_path / "dev.tar").symlink_to("/dev/zero")
    with pytest.raises(AudiodiffError, match=r"cannot be read \(No such file"):
        read_split(place, "dev")


@pytest.mark.parametrize(
    "name", ["../a.tar", "/etc/passwd", "a/b.tar", "..", "", "a\\b.tar", "a\n"]
)
def test_an_index_names_files_beside_itself_alone(tmp_path: Path, name: str) -> None:
    shard = {"name": name, "clips": 1, "samples": 1}
    index = {"sample_rate": RATE, "splits": {"train": [shard]}}
    (tmp_path / "shards.json").write_text(json.dumps(index))
    with pytest.raises(AudiodiffError, match=r"shards.json in .* is damaged .*name: string should"):
        read_index(str(tmp_path))

"""Damaged and forged records in sound files: read, or refused in one sentence."""

import json
from pathlib import Path

import numpy as np
import pytest
from damage import altered, damaged, within_limits
from hypothesis import given
from hypothesis import strategies as st

from audiodiff.audio import io
from audiodiff.audio.tags import Tags
from audiodiff.cli.provenance import Found, described
from audiodiff.provenance.files import read_record

FILES = [("a.wav", "PCM_16"), ("a.flac", "PCM_16"), ("a.ogg", "VORBIS")]
RECORD = {
    "software": "audiodiff 1.2",
    "model": "digits",
    "weights": "0f" * 32,
    "sampler": "ddim",
    "steps": 4,
    "seed": 7,
    "guidance_scale": 1.5,
    "labels": {"digit": "seven"},
    "settings": {"rate": 22050, "preset": "hifigan"},
    "date": "2026-01-01T00:00:00Z",
    "synthetic": [[0.5, 1.25], [3, 4]],
}
COMMENT = json.dumps({"audiodiff": RECORD})


def save(path: Path, subtype: io.Subtype, comment: str) -> None:
    tags = Tags(comment, "audiodiff 1.2", "2026-01-01T00:00:00Z", "Synthetic sound")
    io.save(path, np.zeros(1000, np.float32), 22050, subtype, tags)


def read(path: Path) -> None:
    with within_limits():
        shown = described(path, Found(read_record(path)))
        assert "\x1b" not in shown


@pytest.mark.parametrize(("name", "subtype"), FILES)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(
    name: str, subtype: io.Subtype, tmp_path: Path, data: st.DataObject
) -> None:
    save(tmp_path / name, subtype, COMMENT)
    content = data.draw(damaged((tmp_path / name).read_bytes()))
    (tmp_path / name).write_bytes(content)
    read(tmp_path / name)


@given(comment=st.one_of(altered(COMMENT.encode()), damaged(COMMENT.encode())))
def test_a_forged_record_is_read_or_refused(tmp_path: Path, comment: bytes) -> None:
    save(tmp_path / "a.wav", "PCM_16", comment.decode(errors="replace"))
    read(tmp_path / "a.wav")

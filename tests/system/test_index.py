import json
from pathlib import Path

import pytest

from audiodiff.errors import AudiodiffError
from audiodiff.system.index import indexing
from audiodiff.system.jobs import Job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "a.wav").touch()
    return Job(tmp_path / "a.npy", tmp_path / "a.wav")


def test_a_line_that_was_cut_off_is_ended(job: Job, tmp_path: Path) -> None:
    path = tmp_path / "new/done.jsonl"
    with indexing(path) as index:
        index.add(job, {"seconds": 1.0})
    path.write_bytes(path.read_bytes()[:-20])
    with indexing(path) as index:
        index.add(job, None)
        assert not index.failure
    cut_off, whole = path.read_text().splitlines()
    assert json.loads(whole) == {"target": str(job.target), "source": str(job.source)}
    with indexing(path) as index:
        index.add(job, None)  # it is known
    assert path.read_text().splitlines() == [cut_off, whole]


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "done.jsonl"
    with (
        indexing(path),
        pytest.raises(AudiodiffError, match="another run writes .*done.jsonl; wait"),
        indexing(path),
    ):
        pass
    with indexing(path):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux")
def test_a_full_disk_is_noted_and_stops_nothing(job: Job) -> None:
    with indexing(Path("/dev/full")) as index:
        index.add(job, {})
        index.add(job, {})
    assert index.failure.startswith("cannot write /dev/full: No space left on device; the results")
    assert Path("/dev/full").is_char_device()

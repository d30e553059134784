import errno
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from audiodiff.errors import AudiodiffError
from audiodiff.system import atomic
from audiodiff.system.atomic import replacing


def test_what_a_kill_left_is_gone_when_the_file_is_written_again(tmp_path: Path) -> None:
    code = f"""
import os, pathlib
from audiodiff.errors import AudiodiffError
from audiodiff.system import atomic
from audiodiff.system.atomic import replacing
with replacing(pathlib.Path({str(tmp_path / "a.txt")!r})) as temporary:
    temporary.write_text("half of what was to be written")
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    (left,) = tmp_path.iterdir()
    assert left.read_text().startswith("half")
    with replacing(tmp_path / "a.txt") as temporary:
        assert temporary.read_text() == ""
        temporary.write_text("whole")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["whole"]


@pytest.mark.parametrize("name", ["é" * 125 + ".wav", "n" * 251 + ".wav", "." + "n" * 254])
def test_the_longest_names_can_be_written(tmp_path: Path, name: str) -> None:
    with replacing(tmp_path / name) as mine, replacing(tmp_path / name) as other:
        assert mine != other
        mine.write_text("mine")
        other.write_text("other")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
    with (
        pytest.raises(AudiodiffError, match="File name too long; give it a shorter name"),
        replacing(tmp_path / ("n" * 256)),
    ):
        pass


def test_two_writers_at_once_do_not_meet(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.txt") as one:
        one.write_text("one")
        with replacing(tmp_path / "a.txt") as other:
            other.write_text("other")
        assert (tmp_path / "a.txt").read_text() == "other"
        assert one.read_text() == "one"
    assert [path.read_text() for path in tmp_path.iterdir()] == ["one"]


def test_a_file_in_its_place_leaves_the_next_writers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def replace_and_write_again(source: Path, target: Path) -> None:
        replace(source, target)
        source.write_text("next")

    monkeypatch.setattr(os, "replace", replace_and_write_again)
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert temporary.read_text() == "next"


def test_nothing_stays_where_files_cannot_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("audiodiff.system.atomic.fcntl.flock", no_locks)
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["whole"]


def test_the_file_that_a_link_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    real, link, dangling = (tmp_path / name for name in ("deep/a.txt", "link.txt", "new.txt"))
    real.write_text("old")
    link.symlink_to(real)
    dangling.symlink_to(tmp_path / "deep/b.txt")
    for path in (link, dangling):
        with replacing(path) as temporary:
            temporary.write_text("new")
        assert path.is_symlink()
        assert path.read_text() == "new"
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["a.txt", "b.txt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="FIFOs are POSIX")
def test_a_fifo_is_written_to(tmp_path: Path) -> None:
    fifo = tmp_path / "a.txt"
    os.mkfifo(fifo)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(fifo.read_text)
        with replacing(fifo) as temporary:
            temporary.write_text("whole")
        assert read.result() == "whole"
    assert fifo.is_fifo()
    assert list(tmp_path.iterdir()) == [fifo]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux")
def test_a_device_stays_one(tmp_path: Path) -> None:
    link = tmp_path / "full"
    link.symlink_to("/dev/full")
    for path in (Path("/dev/full"), link):
        with (
            pytest.raises(AudiodiffError, match=f"cannot write to {path}: No space left"),
            replacing(path) as temporary,
        ):
            temporary.write_text("whole")
        assert path.is_char_device()
    with replacing(Path("/dev/null")) as temporary:
        temporary.write_text("whole")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("n_refused", [2, 99])
def test_a_file_that_a_player_holds_is_waited_for(
    n_refused: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, refused = os.replace, []

    def held(source: Path, target: Path) -> None:
        if len(refused) < n_refused:
            refused.append(target)
            raise PermissionError(errno.EACCES, "Access is denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", held)
    monkeypatch.setattr("audiodiff.system.atomic.OPEN_FILES_STAY", True)
    monkeypatch.setattr("audiodiff.system.atomic.WAITS", (0.0, 0.0, 0.0))
    path = tmp_path / "a.txt"
    path.write_text("old")
    outcome = (
        pytest.raises(AudiodiffError, match="a.txt: another program holds it; close that")
        if n_refused > 3
        else nullcontext()
    )
    with outcome, replacing(path) as temporary:
        temporary.write_text("new")
    assert [item.read_text() for item in tmp_path.iterdir()] == ["old" if n_refused > 3 else "new"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_ctrl_c_while_the_temporary_file_is_made_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = atomic._claim

    def interrupted(path: Path) -> object:
        found = claim(path)
        signal.raise_signal(signal.SIGINT)
        return found

    monkeypatch.setattr(atomic, "_claim", interrupted)
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.txt"):
        pytest.fail("nothing is written after Ctrl-C")
    assert not list(tmp_path.iterdir())

"""Commands whose standard streams are closed or full."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="redirections are a POSIX shell's")

A = f"{sys.executable} -m audiodiff"


def in_shell(line: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("vocode --stream mel <&-", "standard input is closed; send mel or audio to it"),
        ("vocode --stream mel >&-", "standard output is closed; send it to a file or a player"),
        ("vocode --stream mel < mel >/dev/full", "cannot write to standard output: No space left"),
        ("vocode --stream mel 0>fifo", "cannot read standard input: Bad file descriptor; send"),
        ("--help >/dev/full", "No space left on device; "),
    ],
)
def test_what_cannot_be_read_or_written_is_one_sentence(
    line: str, words: str, tmp_path: Path
) -> None:
    np.full((30, 80), -5, np.float32).tofile(tmp_path / "mel")
    if "/dev/full" in line and not Path("/dev/full").exists():
        pytest.skip("/dev/full is Linux")
    done = in_shell(f"{A} {line}", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_with_all_of_them_closed_a_command_does_its_work(tmp_path: Path) -> None:
    """And no file that it opens takes the number of standard error."""
    code = (
        "import os; from audiodiff.system.standard import fill_closed; fill_closed(); "
        "file = open('out', 'w'); os.write(2, b'noise'); print('lost'); file.write('kept')"
    )
    done = in_shell(f'{sys.executable} -c "{code}" <&- >&- 2>&-', tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "out").read_text() == "kept"
    assert in_shell(f"{A} nope <&- >&- 2>&-", tmp_path).returncode == 2


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    done = in_shell(f"{A} info default | head -c 1", tmp_path)
    assert done.stderr == ""

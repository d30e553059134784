"""Ctrl-C, whatever becomes of the exception that it raises."""

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from audiodiff.system.interrupts import INTERRUPTED, ended_by_ctrl_c

IMPORTING = """
import signal, sys
from audiodiff.cli import main

class Press:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[-1]:
            {press}

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Press())
main()
"""


def pressed_while_importing(module: str, press: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", IMPORTING.format(press=press), "info", module],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("module", ["typer", "torch"])
@pytest.mark.parametrize("after", ["", "\n            except BaseException: raise ImportError"])
def test_during_imports_it_leaves_no_traceback(module: str, after: str) -> None:
    press = "signal.raise_signal(signal.SIGINT)"
    if after:
        press = f"try: {press}{after}"
    done = pressed_while_importing(module, press)
    # A shell reports both as 130; the interpreter may end itself by the signal.
    assert done.returncode in (INTERRUPTED, -signal.SIGINT), done.stderr
    assert done.stderr == done.stdout == ""


def swallow() -> None:
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        return


def replace() -> None:
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as error:
        raise SystemError("error return without exception set") from error


@pytest.mark.parametrize("work", [swallow, replace])
def test_a_lost_exception_ends_with_130_too(
    work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiodiff.system.interrupts.GRACE", 1e6)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as end, ended_by_ctrl_c():
        work()
    signal.signal(signal.SIGINT, before)
    assert end.value.code == INTERRUPTED


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_what_never_ends_is_ended() -> None:
    """A lock that is never released does not keep the process, nor do threads that compute."""
    code = """
import signal, threading, time
from audiodiff.system import interrupts
interrupts.GRACE = 0.1
signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Thread(target=time.sleep, args=(1e6,)).start()
with interrupts.ended_by_ctrl_c():
    signal.raise_signal(signal.SIGINT)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (INTERRUPTED, "")


def test_without_it_the_handler_is_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with ended_by_ctrl_c():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_background_job_of_a_shell_stays_deaf_to_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ended_by_ctrl_c():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)

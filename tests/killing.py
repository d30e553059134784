"""Processes that are killed in the middle of what they do."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress


def kill_once(begun: Callable[[], object], process: "subprocess.Popen[bytes]") -> None:
    """Kills a process, and all of the session that it began, as soon as something is true.

    Args:
        begun: Whether it is.
        process: Started with ``start_new_session=True``.
    """
    while not begun():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    # On a busy machine its children die a little later, and hold their locks until then.
    with suppress(ProcessLookupError):
        for _ in range(1000):
            os.killpg(process.pid, 0)
            time.sleep(0.01)

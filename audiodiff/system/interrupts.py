"""Ctrl-C ends a command soon, with one exit status and no traceback, whatever it was doing."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""The exit status of shells for a command that Ctrl-C ended."""

GRACE = 5.0
"""Seconds that a command has to clean up; a second Ctrl-C ends it at once."""

SHOW_CURSOR = "\x1b[?25h"


@contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Within it, Ctrl-C raises KeyboardInterrupt, and the block then ends the process.

    The exit status does not depend on what becomes of the exception: libraries drop it in
    callbacks, turn it into errors of their own while they are imported, or wait for threads.

    Raises:
        SystemExit: With status 130, if Ctrl-C was pressed.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is signal.SIG_IGN:
        yield
        return
    pressed = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if pressed.is_set():
            _leave()
        pressed.set()
        timer = threading.Timer(GRACE, _leave)
        timer.daemon = True
        timer.start()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if pressed.is_set():
            sys.exit(INTERRUPTED)  # the timer bounds the interpreter's own end
        signal.signal(signal.SIGINT, before)


def _leave() -> None:
    """Ends the process without cleaning up."""
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(2, SHOW_CURSOR.encode())  # progress bars hide it
    os._exit(INTERRUPTED)

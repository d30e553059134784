"""When a training session ends: by its own clock or by a signal."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(frozen=True)
class Stop:
    """When a session ends before the run does.

    Attributes:
        step: Last step of the session; None for the run's last.
        minutes: Length of the session in minutes; None for no limit.
    """

    step: int | None = None
    minutes: float | None = None


class Clock:
    """Measures the session's time and the speed since the last call of `rate`.

    Args:
        minutes: Length of the session in minutes; None for no limit.
        step: The last step done before the session.
    """

    def __init__(self, minutes: float | None, step: int) -> None:
        self.asked = time.monotonic()
        self.end = math.inf if minutes is None else self.asked + 60 * minutes
        self.step = step

    def over(self) -> bool:
        """Whether the session's time is up."""
        return time.monotonic() >= self.end

    def rate(self, step: int) -> float:
        """Steps per second since the last call, measuring and saving included."""
        now = time.monotonic()
        rate = (step - self.step) / (now - self.asked)
        self.asked, self.step = now, step
        return rate


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Within it the first SIGINT or SIGTERM sets an event; the second ends the process.

    Signals reach only the main thread, so in other threads this does nothing.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def note(number: int, frame: FrameType | None) -> None:
        event.set()
        restore()

    def restore() -> None:
        for name, handler in before.items():
            signal.signal(name, handler)

    before = {name: signal.signal(name, note) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        restore()

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

    @property
    def left(self) -> float:
        """Seconds until the session's time is up; infinite without a limit."""
        return self.end - time.monotonic()

    def over(self) -> bool:
        """Whether the session's time is up."""
        return self.left <= 0

    def rate(self, step: int) -> float:
        """Steps per second since the last call, measuring and saving included."""
        now = time.monotonic()
        rate = (step - self.step) / (now - self.asked)
        self.asked, self.step = now, step
        return rate


class Course:
    """The course of a run, whose end is a number of steps or, where that comes first, a time.

    Args:
        n_steps: The most steps of the run.
        minutes: Length of the run in minutes; None for no limit.
        seconds: Time that the run took in sessions before this one.
    """

    def __init__(self, n_steps: int, minutes: float | None, seconds: float) -> None:
        self.most = n_steps
        self.length = None if minutes is None else 60 * minutes
        self.begun = time.monotonic() - seconds

    @property
    def seconds(self) -> float:
        """Time that the run took so far; 0 for a run without a limit."""
        return 0.0 if self.length is None else time.monotonic() - self.begun

    def n_steps(self, step: int) -> int:
        """The length of the run in steps, at its mean pace up to a step."""
        if self.length is None:
            return self.most
        return min(self.most, max(step, round(step * self.length / max(self.seconds, 1e-3))))

    @property
    def left(self) -> float:
        """Seconds until its time is up; infinite without a limit."""
        return math.inf if self.length is None else self.length - self.seconds

    def over(self) -> bool:
        """Whether its time is up."""
        return self.left <= 0


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

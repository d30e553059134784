"""What commands that make sound show while they work."""

import time
from datetime import timedelta

from rich.progress import Progress

from audiodiff.cli.terminal import console
from audiodiff.system.jobs import Job
from audiodiff.system.pace import Pace

SECONDS_BETWEEN_LINES = 10.0
"""Time between reports where there is no terminal to draw in."""


class Meter:
    """Measures the audio made against the time spent."""

    def __init__(self) -> None:
        self.audio = 0.0
        self.start = time.monotonic()

    def add(self, seconds: float) -> None:
        """Adds a piece."""
        self.audio += seconds

    def text(self) -> str:
        """Audio made, time spent and their ratio."""
        spent = time.monotonic() - self.start
        if not self.audio:
            return ""
        return (
            f"{self.audio:.1f} s of audio in {spent:.1f} s, real-time factor "
            f"{spent / self.audio:.2f}"
        )


class Display:
    """Shows the progress: files, sound, and the place in a long file.

    Args:
        progress: Bars, which are hidden unless in a terminal.
        n_files: Number of files.
        doing: What is done to them, such as ``vocoding``.
    """

    def __init__(self, progress: Progress, n_files: int, doing: str) -> None:
        self.progress, self.meter, self.pace = progress, Meter(), Pace(SECONDS_BETWEEN_LINES)
        self.files = progress.add_task(doing, total=n_files, note="")
        self.seconds = 0.0
        """Seconds made of the current file."""

    def on_audio(self, job: Job, seconds: float, whole: float) -> None:
        """Counts a piece of sound."""
        self.meter.add(seconds)
        self.seconds += seconds
        far = f"{job.source.name}: {self.seconds:.0f} of {whole:.0f} s; "
        note = (far if seconds < whole else "") + self.meter.text()
        self.progress.update(self.files, note=note)
        if not console.is_terminal and self.pace.due():
            console.print(note)

    def on_part(self, job: Job, n_done: int, n_parts: int, parts: str) -> None:
        """Counts parts of a file, such as gaps, that are done."""
        note = f"{job.source.name}: {n_done} of {n_parts} {parts}"
        self.progress.update(self.files, note=note)
        if not console.is_terminal and self.pace.due():
            console.print(note)

    def on_file(self) -> None:
        """Counts a file."""
        self.seconds = 0.0
        self.progress.advance(self.files)


class Counted:
    """Shows how many of a number of things are done, how fast, and the time that is left.

    Args:
        progress: Bars, which are hidden unless in a terminal.
        doing: What is done to them, such as ``judging``.
        things: What they are, such as ``clips``.
    """

    def __init__(self, progress: Progress, doing: str, things: str) -> None:
        self.progress, self.things, self.pace = progress, things, Pace(SECONDS_BETWEEN_LINES)
        self.task, self.start = progress.add_task(doing, total=None, note=""), time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Shows that another one is done."""
        rate = done / max(time.monotonic() - self.start, 1e-9)
        note = f"{rate:.2f} {self.things}/s"
        self.progress.update(self.task, completed=done, total=total, note=note)
        if not console.is_terminal and self.pace.due():
            left = timedelta(seconds=round((total - done) / rate))
            console.print(f"{done} of {total} {self.things}  {note}  ETA {left}")

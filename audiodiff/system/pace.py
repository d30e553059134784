"""Reports at intervals of time."""

import time


class Pace:
    """Says when a report is due: ``seconds`` after the last one, or after the start.

    Args:
        seconds: Time between two reports.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.reported()

    def reported(self) -> None:
        """Begins the wait for the next report."""
        self.next = time.monotonic() + self.seconds

    def due(self) -> bool:
        """Whether a report is due now; if so, it counts as made."""
        if time.monotonic() < self.next:
            return False
        self.reported()
        return True

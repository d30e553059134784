"""Files appear whole or not at all, and Ctrl-C is never lost."""

import os
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from audiodiff.errors import AudiodiffError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, which takes its place when the block ends well.

    A full disk, an exception or a kill inside the block leaves ``path`` as it was. The temporary
    name is hidden, its own for every writer, and keeps the suffix, by which many writers choose
    the format.

    Raises:
        AudiodiffError: If the file cannot be written, naming it and the system's reason.
    """
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise AudiodiffError(
            f"cannot write {path}: {error.strerror or error}; free space or choose another place"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Holds Ctrl-C back until the block is over, for code that calls Python back from C.

    An exception in such a callback is printed and dropped, and the C code goes on with half its
    data. Signals reach the main thread alone, so elsewhere nothing is done.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    held: list[Any] = []
    signal.signal(signal.SIGINT, lambda *received: held.append(received))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            signal.raise_signal(signal.SIGINT)

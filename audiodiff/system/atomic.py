"""Files appear whole or not at all, and Ctrl-C is never lost."""

import os
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from audiodiff.errors import AudiodiffError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, which takes its place when the block ends well.

    A full disk, an exception or a kill inside the block leaves ``path`` as it was. The temporary
    name is hidden, and keeps the suffix, by which many writers choose the format. It is the same
    each time, so that what a kill leaves is gone when the file is written again; a second writer
    at the same time has a name of its own.

    Raises:
        AudiodiffError: If the file cannot be written, naming it and the system's reason.
    """
    temporary, claim = path.with_name(f".{path.stem}.part{path.suffix}"), None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        claim = _claim(temporary)
        if claim is None:
            own = uuid.uuid4().hex[:8]
            temporary = path.with_name(f".{path.stem}.{own}.part{path.suffix}")
        try:
            yield temporary
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            # Only here: once it is in its place, the name may be the next writer's.
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise AudiodiffError(
            f"cannot write {path}: {error.strerror or error}; free space or choose another place"
        ) from error
    finally:
        if claim is not None:
            claim.close()


def _claim(path: Path) -> IO[bytes] | None:
    """An empty file, locked until it is closed or its process dies, or None if it is another's."""
    if fcntl is None:
        return None
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Between its opening and its locking another writer may have moved it to its place.
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            file.truncate(0)
            return file
    except (BlockingIOError, FileNotFoundError):  # another's, or moved
        pass
    except OSError:  # a file system without locks, where every writer has a name of its own
        path.unlink(missing_ok=True)
    file.close()
    return None


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

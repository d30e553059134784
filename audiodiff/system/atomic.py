"""Files that appear whole or not at all, and Ctrl-C that is never lost."""

import errno
import hashlib
import os
import shutil
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from audiodiff.errors import AudiodiffError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LONGEST = 200
"""Bytes of the longest name that a temporary file repeats; most file systems hold 255."""

OPEN_FILES_STAY = sys.platform == "win32"
"""Whether a file that a program has open cannot be replaced."""

WAITS = (0.1, 0.2, 0.4, 0.8)
"""Seconds between attempts to replace a file."""


@contextmanager
def _moved(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path``, and moves it there when the block succeeds.

    A full disk, an exception or a kill inside the block leaves ``path`` as it was. The temporary
    file is hidden and keeps the suffix, by which many writers choose the format. Its name is the
    same each time, so that the next write replaces what a kill has left; a second writer at the
    same time gets another name.

    Raises:
        AudiodiffError: If the file cannot be written; the message gives the system's reason.
    """
    temporary: Path | None = None
    claim: IO[bytes] | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Else Ctrl-C could leave a file that nobody knows of yet.
            with interrupts_held():
                temporary, claim = _claimed(path)
            yield temporary
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            _replace(temporary, path)
        except BaseException:
            # Not after success: by then the name may be the next writer's.
            if temporary is not None:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        too_long = error.errno == errno.ENAMETOOLONG
        remedy = "give it a shorter name" if too_long else "free space or choose another place"
        raise AudiodiffError(f"cannot write {path}: {error.strerror or error}; {remedy}") from error
    finally:
        if claim is not None:
            claim.close()


def _temporary(path: Path, mark: str) -> Path:
    """A hidden name beside a path, short enough for any file system that holds the path's own."""
    stem = path.stem
    if len(os.fsencode(path.name)) > LONGEST:
        stem = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]
    return path.with_name(f".{stem}{mark}.part{path.suffix}")


def _replace(temporary: Path, path: Path) -> None:
    """Moves a file to its place; waits where a player or a scanner holds what is there."""
    for seconds in WAITS if OPEN_FILES_STAY else ():
        try:
            os.replace(temporary, path)
            return
        except PermissionError:
            time.sleep(seconds)
    try:
        os.replace(temporary, path)
    except PermissionError as error:
        if OPEN_FILES_STAY and path.exists():
            raise AudiodiffError(
                f"cannot write {path}: another program holds it; close that and run it again"
            ) from error
        raise


def _claimed(path: Path) -> tuple[Path, IO[bytes] | None]:
    """A temporary path of this writer's own, and the lock that makes it so, if it needs one."""
    usual = _temporary(path, "")
    claim = _claim(usual)
    return (usual if claim else _temporary(path, f".{uuid.uuid4().hex[:8]}")), claim


def _claim(path: Path) -> IO[bytes] | None:
    """An empty file, locked until it is closed or its process ends; None if another holds it."""
    if fcntl is None:
        return None
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Between opening and locking, another writer may have moved the file to its place.
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            file.truncate(0)
            return file
    except (BlockingIOError, FileNotFoundError):  # held by another writer, or moved
        pass
    except OSError:  # no locks on this file system: every writer gets its own name
        path.unlink(missing_ok=True)
    file.close()
    return None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path, whose content goes to ``path`` when the block succeeds.

    A file is replaced in one go, as is the file that a link leads to: whatever goes wrong inside
    the block leaves it as it was. What is no file, such as a FIFO, a terminal or ``/dev/stdout``,
    is written to.

    Raises:
        AudiodiffError: If it cannot be written; the message gives the system's reason.
    """
    # os.path, as pathlib raises for names that are too long, which `_moved` reports.
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        with _sent(path) as temporary:
            yield temporary
        return
    with _moved(Path(os.path.realpath(path)) if os.path.islink(path) else path) as temporary:
        yield temporary


@contextmanager
def _sent(path: Path) -> Iterator[Path]:
    """Gives a temporary path, and writes the file there to ``path``, which is no file."""
    if path.is_block_device():
        raise AudiodiffError(f"{path} is a disk, which a file would overwrite; choose a file name")
    with TemporaryDirectory() as folder:
        temporary = Path(folder) / f"made{path.suffix}"
        temporary.touch()
        yield temporary
        try:
            with temporary.open("rb") as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
        except OSError as error:
            raise AudiodiffError(
                f"cannot write to {path}: {error.strerror}; choose another place"
            ) from error


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Defers Ctrl-C until the block ends, for C code that calls back into Python.

    An exception in such a callback is printed and dropped, and the C code continues with half its
    data. Signals reach the main thread alone, so in other threads this does nothing.
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

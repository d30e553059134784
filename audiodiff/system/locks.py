"""Files and folders that one process at a time may write."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import check_writable


@contextmanager
def claimed(
    folder: Path, lock: str, busy: str, remedy: str = "choose another folder"
) -> Iterator[None]:
    """Makes a folder, and keeps other processes away from it while the block runs.

    Args:
        folder: The folder.
        lock: Name of the file in it to lock.
        busy: Message if another process is in such a block.
        remedy: Advice to the user if nothing can be written there.

    Raises:
        AudiodiffError: If another process is in such a block, or nothing can be written there.
    """
    check_writable(folder, remedy)
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / lock, busy):
        yield


@contextmanager
def alone(lock: Path, busy: str) -> Iterator[None]:
    """Keeps other processes away while the block runs; a killed process keeps nobody away.

    Args:
        lock: File to lock, which exists while the block runs.
        busy: Message if another process is in such a block.

    Raises:
        AudiodiffError: If another process is in such a block.
    """
    holder = FileLock(lock)
    try:
        holder.acquire(timeout=0)
    except Timeout as error:
        raise AudiodiffError(busy) from error
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps open files
            lock.unlink()
        holder.release()

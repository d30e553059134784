"""Processes that share the work on many files."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import Job, Spread

Item = TypeVar("Item")
Result = TypeVar("Result")


MOST_ON_WINDOWS = 61
"""The most processes that a process can wait for on Windows."""


def n_workers(asked: int, n_items: int) -> int:
    """The number of workers asked for, but at most one for each item and what the system allows."""
    most = MOST_ON_WINDOWS if sys.platform == "win32" else asked
    return max(1, min(asked, n_items, most))


@contextmanager
def worker_pool(n: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of ``n`` processes, each on one core.

    After an exception, Ctrl-C included, they finish their current items and begin no others; they
    end at once with this process, however it ends.
    """
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    pool = ProcessPoolExecutor(n, context, _begin)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def is_imported_by_worker() -> bool:
    """Whether this process is a new one that still imports the program of its parent.

    A program does so to the end, unless ``if __name__ == "__main__"`` keeps some of it out.
    """
    # The flag by which Python itself refuses to start processes meanwhile; it has no public name.
    return getattr(multiprocessing.current_process(), "_inheriting", False)


def completed(
    pool: Executor, work: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[tuple[Item, Future[Result]]]:
    """Works on items in a pool, and yields each with its future once it is done, in any order.

    Raises:
        AudiodiffError: If a process of the pool was killed.
    """
    try:
        futures = {pool.submit(work, item): item for item in items}
        for future in as_completed(futures):
            if isinstance(error := future.exception(), BrokenExecutor):
                raise error
            yield futures[future], future
    except BrokenExecutor as error:
        raise AudiodiffError(
            "a worker was killed, perhaps for lack of memory; give fewer --workers and run it "
            "again: finished files are kept"
        ) from error


def in_pool(pool: Executor, work: Callable[[Job], Result]) -> Spread[Result]:
    """Does jobs in a pool, by `completed`."""
    return lambda jobs: ((job, future.result) for job, future in completed(pool, work, jobs))


def _begin() -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to every process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)


def _end_with_parent() -> None:
    """Ends this process when its parent does; a killed one does not tell its workers."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker has a parent"
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)

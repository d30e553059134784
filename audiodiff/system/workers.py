"""Processes that share the work on many files."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import Job, Spread

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def worker_pool(n: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of ``n`` processes, which share the cores.

    After an exception, Ctrl-C included, they finish their current items and begin no others.
    """
    n_threads = max(1, (os.cpu_count() or 1) // n)
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    pool = ProcessPoolExecutor(n, context, _begin, (n_threads,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


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


def _begin(n_threads: int) -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to every process
    torch.set_num_threads(n_threads)

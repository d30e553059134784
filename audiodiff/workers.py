"""Processes that share the work of many files."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def worker_pool(n: int) -> Iterator[ProcessPoolExecutor]:
    """So many processes, among whom the cores are shared.

    At an exception, Ctrl-C included, they end what they are at and begin nothing more.
    """
    n_threads = max(1, (os.cpu_count() or 1) // n)
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    pool = ProcessPoolExecutor(n, context, _begin, (n_threads,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(n_threads: int) -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all of them
    torch.set_num_threads(n_threads)

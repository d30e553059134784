"""A pool of processes with one thread each."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def pooled(
    work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], workers: int
) -> Iterator[tuple[int, Future[Any]]]:
    """Calls a function with each tuple of arguments in other processes, with a progress bar.

    Yields:
        The index of the arguments and the finished call, in the order in which calls end.
    """
    # One thread for each worker; libraries read this when they load.
    os.environ["OMP_NUM_THREADS"] = "1"
    columns = (TextColumn("judging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        task = progress.add_task("", total=len(arguments))
        futures = {pool.submit(work, *given): place for place, given in enumerate(arguments)}
        try:
            for future in as_completed(futures):
                yield futures[future], future
                progress.advance(task)
        finally:
            pool.shutdown(cancel_futures=True)

"""Work shared among processes of one thread each."""

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
    """Calls a function with each of the arguments, and shows how far it is.

    Yields:
        The place of the arguments and what became of the call, as calls end.
    """
    # One thread for each worker: libraries read this as they load.
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

"""Cores, and threads that each compute on one.

PyTorch's own threads share every single operation and wait for each other after it. On a core that
another process wants too, each of these waits can last milliseconds, and a network has thousands.
Threads that do whole pieces of work never wait for each other.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


@runtime_checkable
class Map(Protocol):
    """Does work on items and yields the results in order, as ``map`` or an executor's does."""

    def __call__(
        self, work: Callable[[Item], Result], items: Iterable[Item], /
    ) -> Iterator[Result]:
        """The results, in the items' order."""


def available_cores() -> int:
    """Number of cores that this process may use, by its affinity and its control groups."""
    try:
        n = len(os.sched_getaffinity(0))
    except AttributeError:  # neither macOS nor Windows has it
        n = os.cpu_count() or 1
    return max(1, min([n, *map(math.ceil, _quotas())]))


def _quotas() -> Iterator[float]:
    """Cores' worth of time that each control group above this process allows."""
    lines = OWN_GROUPS.read_text().splitlines() if OWN_GROUPS.exists() else []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers == "":  # version 2
            root, files = GROUPS, ["cpu.max"]
        elif "cpu" in controllers.split(","):
            root, files = GROUPS / "cpu", ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
        else:
            continue
        # In a container the name may be the host's, and the group itself is at the root.
        inner = Path(name.lstrip("/"))
        for group in (inner, *inner.parents):
            paths = [root / group / file for file in files]
            if all(path.is_file() for path in paths):
                quota, period = " ".join(path.read_text() for path in paths).split()
                if quota not in ("max", "-1"):
                    yield int(quota) / int(period)


def n_threads(asked: int | None) -> int:
    """The number of threads asked for; if None, what this process and PyTorch may use."""
    return min(available_cores(), torch.get_num_threads()) if asked is None else asked


@contextmanager
def computing(n: int) -> Iterator[None]:
    """Within it, PyTorch shares each operation of this thread among ``n`` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def side_by_side(n: int) -> Iterator[Map]:
    """A `Map` by ``n`` threads, each of which computes on one core, as the caller does meanwhile.

    After an exception, items that are not begun are dropped, and the block does not wait for the
    others.
    """
    with computing(1):
        pool = ThreadPoolExecutor(n, "compute", torch.set_num_threads, (1,))
        try:
            yield pool.map
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

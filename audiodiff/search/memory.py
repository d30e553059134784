"""Files from which a killed search resumes."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import NonNegativeInt, PositiveInt

from audiodiff.config import Config
from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.search.contract import SearchSetting
from audiodiff.search.problem import Cost
from audiodiff.system.atomic import replacing
from audiodiff.system.documents import read_json, read_json_lines


@runtime_checkable
class Counter(Protocol):
    """Anything that counts network calls.

    Attributes:
        calls: Number of network calls so far.
    """

    calls: int


class _Value(Config):
    """One line of a `Memory`: the cost of a run's times, and the calls that it took."""

    key: str
    times: str
    cost: float
    calls: NonNegativeInt


class Memory:
    """A cost whose values are kept in a file, so that a killed search resumes.

    A search depends on its seed and on costs alone: run again, it asks for the same costs first.

    Args:
        cost: Slow cost.
        calls: Counter of the network calls that the cost makes; it also receives the calls of
            values read from the file, when they are first asked for.
        path: Path of the file, which has a line for each value.
        key: What the values depend on besides the times; values with another key are ignored.
    """

    def __init__(self, cost: Cost, calls: Counter, path: Path, key: str) -> None:
        self.cost, self.calls, self.path = cost, calls, path
        self.key = _digest(key)
        self.known: dict[str, float] = {}
        self.owed: dict[str, int] = {}
        for line in read_json_lines(path):
            try:
                record = _Value.parse(line, str(path))
            except AudiodiffError:
                continue  # two lines in one, the first cut off by a kill
            if record.key == self.key:
                self.known[record.times], self.owed[record.times] = record.cost, record.calls

    def __call__(self, times: TimeGrid) -> float:
        """The cost of a run, from the file if it is there."""
        name = " ".join(f"{t:.12g}" for t in times.tolist())
        if name not in self.known:
            before = self.calls.calls
            self.known[name] = self.cost(times)
            spent = self.calls.calls - before
            record = _Value(key=self.key, times=name, cost=self.known[name], calls=spent)
            with self.path.open("a") as file:
                file.write(record.model_dump_json() + "\n")
        self.calls.calls += self.owed.pop(name, 0)
        return self.known[name]


@contextmanager
def remembered(cost: Cost, calls: Counter, setting: SearchSetting, name: str) -> Iterator[Memory]:
    """A cost with a memory in the scratch folder, which is deleted once the times are found.

    Args:
        cost: Slow cost.
        calls: Counter of the network calls that the cost makes.
        setting: What the search may use.
        name: Name of the file, ``METHOD-STEPS``.
    """
    path = setting.scratch / f".search-{name}.jsonl"
    yield Memory(cost, calls, path, setting.key)
    path.unlink(missing_ok=True)


class _Finished(Config):
    """The content of the file of a `Done`."""

    key: str
    steps: tuple[PositiveInt, ...]


class Done:
    """The numbers of steps that a search has finished, kept in a file until all are.

    Some searches descend from times found before, so a finished one would find others if repeated.

    Args:
        path: Path of the file.
        key: What tells this search from others; a file with another key is ignored.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, _digest(key)
        self.steps: set[int] = set()
        if not path.is_file():
            return
        try:
            record = _Finished.parse(read_json(path, "delete it"), str(path))
        except AudiodiffError:  # damaged
            return
        if record.key == self.key:
            self.steps = set(record.steps)

    def __contains__(self, n_steps: int) -> bool:
        return n_steps in self.steps

    def add(self, n_steps: int) -> None:
        """Records a finished number of steps."""
        self.steps.add(n_steps)
        with replacing(self.path) as temporary:
            record = _Finished(key=self.key, steps=tuple(sorted(self.steps)))
            temporary.write_text(record.model_dump_json())

    def forget(self) -> None:
        """Deletes the file."""
        self.path.unlink(missing_ok=True)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]

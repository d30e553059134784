"""Files from which a killed search resumes."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

from audiodiff.diffusion.times import TimeGrid
from audiodiff.search.contract import SearchSetting
from audiodiff.search.problem import Cost
from audiodiff.system.atomic import replacing


@runtime_checkable
class Counter(Protocol):
    """Anything that counts network calls.

    Attributes:
        calls: Number of network calls so far.
    """

    calls: int


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
        for line in path.read_text().splitlines() if path.is_file() else ():
            try:
                record = json.loads(line)
                if record["key"] == self.key:
                    times, value, spent = (record[name] for name in ("times", "cost", "calls"))
                    self.known[times], self.owed[times] = value, spent
            except (ValueError, KeyError, TypeError):
                continue  # a line cut off by a kill

    def __call__(self, times: TimeGrid) -> float:
        """The cost of a run, from the file if it is there."""
        name = " ".join(f"{t:.12g}" for t in times.tolist())
        if name not in self.known:
            before = self.calls.calls
            self.known[name] = self.cost(times)
            spent = self.calls.calls - before
            record = {"key": self.key, "times": name, "cost": self.known[name], "calls": spent}
            with self.path.open("a") as file:
                file.write(json.dumps(record) + "\n")
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


class Done:
    """The numbers of steps that a search has finished, kept in a file until all are.

    Some searches descend from times found before, so a finished one would find others if repeated.

    Args:
        path: Path of the file.
        key: What tells this search from others; a file with another key is ignored.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, _digest(key)
        try:
            record = json.loads(path.read_text())
            self.steps = set(record["steps"]) if record["key"] == self.key else set()
        except (OSError, ValueError, KeyError, TypeError):
            self.steps = set()

    def __contains__(self, n_steps: int) -> bool:
        return n_steps in self.steps

    def add(self, n_steps: int) -> None:
        """Records a finished number of steps."""
        self.steps.add(n_steps)
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps({"key": self.key, "steps": sorted(self.steps)}))

    def forget(self) -> None:
        """Deletes the file."""
        self.path.unlink(missing_ok=True)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]

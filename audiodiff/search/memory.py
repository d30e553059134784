"""What a search that is killed goes on from."""

import hashlib
import json
from pathlib import Path
from typing import Protocol, runtime_checkable

from audiodiff.diffusion.times import TimeGrid
from audiodiff.search.problem import Cost
from audiodiff.system.atomic import replacing


@runtime_checkable
class Counter(Protocol):
    """What counts calls of the network.

    Attributes:
        calls: Until now.
    """

    calls: int


class Memory:
    """A cost whose values outlive the process, so that a search killed in the middle goes on.

    A search is a function of its seed and of costs: run again, it asks for the same ones first.

    Args:
        cost: What takes long.
        calls: What counts the calls of the network that it takes; those of values that are known
            from before count too, when they are first asked for.
        path: Of the file with a line for each value.
        key: What the values depend on beside the times.
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
                continue  # cut short by a kill

    def __call__(self, times: TimeGrid) -> float:
        """The cost, from the file if it is there."""
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

    def forget(self) -> None:
        """Deletes the file, once what was sought is found."""
        self.path.unlink(missing_ok=True)


class Done:
    """The numbers of steps that a search is over with, until it is over with all of them.

    Some searches set out from what was found before: done again, they would find something else.

    Args:
        path: Of the file that keeps them.
        key: Tells this search from another.
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
        """One more."""
        self.steps.add(n_steps)
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps({"key": self.key, "steps": sorted(self.steps)}))

    def forget(self) -> None:
        """Deletes the file."""
        self.path.unlink(missing_ok=True)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]

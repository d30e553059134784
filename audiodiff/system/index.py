"""A file that lists what was made."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from audiodiff.errors import AudiodiffError
from audiodiff.system.documents import parse_json
from audiodiff.system.jobs import Job
from audiodiff.system.locks import alone


class Index:
    """A file that lists what was made, a line of JSON for each result.

    A result that is missing from the file after a kill gets its line when its job is next skipped.

    Args:
        file: File to append to; None writes nothing.
        known: Targets that it lists already.

    Attributes:
        failure: Why lines could not be written; empty if they were.
    """

    def __init__(self, file: BinaryIO | None, known: Collection[str]) -> None:
        self.file, self.known, self.failure = file, known, ""

    def add(self, job: Job, made: Mapping[str, Any] | None) -> None:
        """Adds a result with what is known of it; ``made`` is None if it existed before.

        A full disk is noted in ``failure``, as it should not keep other results from being made.
        """
        known = made is None and str(job.target) in self.known
        if self.file is None or self.failure or known or not job.target.is_file():
            return
        line = {"target": str(job.target), "source": str(job.source)} | dict(made or {})
        try:
            self.file.write(json.dumps(line).encode() + b"\n")
        except OSError as error:
            self.failure = (
                f"cannot write {self.file.name}: {error.strerror}; the results are there: free "
                "space and run the same command again, which adds their lines"
            )


@contextmanager
def indexing(path: Path | None) -> Iterator[Index]:
    """An `Index` that only this process writes.

    Args:
        path: File to write, continued if it exists. What is no file, such as a FIFO, is written to
            and not read. None writes nothing.

    Raises:
        AudiodiffError: If another process writes it.
        OSError: If it cannot be opened.
    """
    if path is None:
        yield Index(None, ())
    elif path.exists() and not path.is_file():
        with path.open("ab", buffering=0) as file:
            yield Index(file, ())
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        busy = f"another run writes {path}; wait until it ends, or give another --index"
        with (
            alone(path.with_name(f".{path.name}.lock"), busy),
            path.open("ab+", buffering=0) as file,
        ):
            yield Index(file, _targets(file))


def _targets(file: BinaryIO) -> set[str]:
    """The targets that a file lists; a last line that a kill has cut off is ended."""
    file.seek(0)
    data = file.read()
    if data and not data.endswith(b"\n"):
        file.write(b"\n")
    lines = data.split(b"\n")
    return {name for line in lines if (name := _target_of(line))}


def _target_of(line: bytes) -> str | None:
    """The target in a line; None if a kill has cut the line off or it is of another form."""
    try:
        record = parse_json(line, "the index")
    except AudiodiffError:
        return None
    target = record.get("target") if isinstance(record, dict) else None
    return target if isinstance(target, str) else None

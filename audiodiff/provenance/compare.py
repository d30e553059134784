"""Whether the run that made a file had the settings of another run."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from audiodiff.provenance.files import record_in
from audiodiff.provenance.record import Record

NO_SETTINGS = {"software", "date"}
"""What differs between two runs of the same settings."""


class Remark(NamedTuple):
    """What is said of files that another run made.

    Attributes:
        n: Number of the files.
        sentence: How they differ.
    """

    n: int
    sentence: str


def remark_on(there: Mapping[Path, Record], found: Collection[str] = ()) -> Remark | None:
    """A remark on the files among those there already that another run made; None if none was.

    Args:
        there: Files that a run leaves as they are, with the records that it would give them.
        found: Names of settings that a run finds out from its input, which are not compared.
    """
    others = [
        (path, said) for path, own in there.items() if (said := _differences(path, own, found))
    ]
    if not others:
        return None
    path, said = others[0]
    n = len(others)
    return Remark(n, f"another run made {n} of the {len(there)} there already, e.g. {path}: {said}")


def _differences(path: Path, record: Record, found: Collection[str]) -> str:
    """How the record in a file differs; empty if it does not, or there is none."""
    there = record_in(path)
    if there is None:
        return ""
    theirs, own = _settings(there), _settings(record)
    compared = [name for name in {**own, **theirs} if name not in found]
    names = [name for name in compared if theirs.get(name) != own.get(name)]
    return ", ".join(
        f"{name} {theirs.get(name, 'not given')}, now {own.get(name, 'not given')}"
        for name in names
    )


def _settings(record: Record) -> dict[str, Any]:
    """The settings of a record, by name."""
    values = record.model_dump(mode="json", exclude_defaults=True, exclude=NO_SETTINGS)
    if record.weights is not None:
        values["weights"] = record.weights[:12]
    return values | values.pop("settings", {})

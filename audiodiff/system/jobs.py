"""Many files: trees kept, finished ones skipped, bad ones reported."""

import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

from audiodiff.errors import AudiodiffError

Result = TypeVar("Result")


class Job(NamedTuple):
    """One input and where its result goes."""

    source: Path
    target: Path


class Outcome(NamedTuple):
    """What became of a list of jobs.

    Attributes:
        done: Results written now.
        skipped: Results that were there already.
        failed: A source and a sentence each.
    """

    done: list[Path]
    skipped: list[Path]
    failed: list[tuple[Path, str]]


def sentence(error: AudiodiffError | OSError) -> str:
    """What went wrong, for a person."""
    if isinstance(error, AudiodiffError):
        return str(error)
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}; check the path, its permissions and the disk"


def find_jobs(
    inputs: Sequence[Path],
    out: Path,
    source_suffixes: Collection[str],
    target_suffix: str,
    names: Collection[str] | None = None,
) -> list[Job]:
    """Finds the files of every input and names a result for each.

    A folder's files keep their places below ``out``; a file given by itself goes right into it.
    Hidden files, among them half-written ones, are not looked at, and neither is ``out`` where it
    lies inside a folder: what is there are results.

    Args:
        inputs: Files and folders.
        out: Where results go.
        source_suffixes: Of files that are taken from a folder, in lower case.
        target_suffix: Of results.
        names: The files to take alone, by their path below their folder without suffix.

    Raises:
        AudiodiffError: If an input does not exist, has an unknown suffix or holds nothing to do,
            or a name is no file's, or if two results would have one name, or a result that of its
            source, or ``out`` cannot be written to.
    """
    _check_writable(out)
    sources = [pair for item in inputs for pair in _sources(item, source_suffixes, out)]
    if names is not None:
        sources = _named(sources, names)
    found = [
        Job(source, out / relative.with_name(relative.name + target_suffix))
        for source, relative in sources
    ]
    jobs = list(dict.fromkeys(found))
    owners: dict[Path, Path] = {}
    for job in jobs:
        other = owners.setdefault(job.target, job.source)
        if other != job.source:
            raise AudiodiffError(
                f"{other} and {job.source} would both be written to {job.target}; rename one, or "
                "do them in separate runs with a folder each"
            )
    inputs_resolved = {job.source.resolve() for job in jobs}
    for job in jobs:
        if job.target.resolve() in inputs_resolved:
            raise AudiodiffError(f"{job.target} is an input itself; choose another output folder")
    return jobs


def _named(sources: Sequence[tuple[Path, Path]], names: Collection[str]) -> list[tuple[Path, Path]]:
    """Those of the sources that are named, each of which must be there."""
    missing = set(names) - {relative.as_posix() for _, relative in sources}
    if missing:
        raise AudiodiffError(
            f"{len(missing)} of {len(names)} names are no file of the inputs, the first being "
            f"{min(missing)!r}; give names as paths below the folder, without suffix"
        )
    return [(source, relative) for source, relative in sources if relative.as_posix() in names]


def _check_writable(out: Path) -> None:
    """Refuses now what would refuse every result later."""
    nearest = next(place for place in (out, *out.parents) if place.exists())
    if not nearest.is_dir():
        raise AudiodiffError(f"{out} cannot be made as {nearest} is a file; choose another folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise AudiodiffError(f"{nearest} cannot be written to; choose another output folder")


def _sources(item: Path, suffixes: Collection[str], out: Path) -> list[tuple[Path, Path]]:
    """The files of one input, each with its place below the output and without its suffix."""
    known = ", ".join(sorted(suffixes))
    if item.is_dir():
        results = out.resolve()
        nested = item.resolve() in results.parents
        found = [
            (path, path.relative_to(item).with_suffix(""))
            for path in sorted(item.rglob("*"))
            if path.suffix.lower() in suffixes
            and path.is_file()
            and not path.name.startswith(".")
            and not (nested and path.resolve().is_relative_to(results))
        ]
        if not found:
            raise AudiodiffError(f"{item} holds no file of the kinds {known}; check the folder")
        return found
    if not item.exists():
        raise AudiodiffError(f"{item}: no such file or folder")
    if item.suffix.lower() not in suffixes:
        raise AudiodiffError(f"{item} is none of the kinds {known}; convert it first")
    return [(item, Path(item.stem))]


Spread: TypeAlias = Callable[[Sequence[Job]], Iterable[tuple[Job, Callable[[], Result]]]]
"""Does jobs: gives each, in any order, with what tells its result or raises its error."""


def one_by_one(work: Callable[[Job], Result]) -> Spread[Result]:
    """Jobs done here, in their order."""
    return lambda jobs: ((job, partial(work, job)) for job in jobs)


def run_jobs(
    jobs: Sequence[Job],
    spread: Spread[Result],
    *,
    overwrite: bool,
    on_job: Callable[[Job, Result | None], None],
) -> Outcome:
    """Does every job that is not done; one that fails stops no other.

    Args:
        jobs: See `find_jobs`.
        spread: Does them, such as `one_by_one`; AudiodiffError and OSError are a job's own.
        overwrite: Whether finished jobs are done again.
        on_job: Called after each job with what the work returned; None if nothing was done.

    Raises:
        AudiodiffError: If what does the jobs was killed.
    """
    outcome = Outcome([], [], [])
    pending = []
    for job in jobs:
        if not overwrite and os.path.isfile(job.target):  # a name that is no name is told later
            outcome.skipped.append(job.target)
            on_job(job, None)
        else:
            pending.append(job)
    for job, result in spread(pending):
        made = None
        try:
            made = result()
            outcome.done.append(job.target)
        except (AudiodiffError, OSError) as error:
            outcome.failed.append((job.source, sentence(error)))
        on_job(job, made)
    outcome.failed.sort()
    return outcome


class Index:
    """A file that says what was made: a line of JSON for each result.

    Results that are there but not in it, as after a kill in between, get a line when they are next
    come across.

    Args:
        path: The file, gone on with if it is there; None for none.

    Raises:
        OSError: If it cannot be written to.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.known: set[str] = set()
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+", encoding="utf-8", errors="replace") as file:
            file.seek(0)
            text = file.read()
            if text and not text.endswith("\n"):
                file.write("\n")
        self.known = {name for line in text.splitlines() if (name := _target_of(line))}

    def add(self, job: Job, made: Mapping[str, Any] | None) -> None:
        """Notes a result, with what there is to say of it; None if it was there before."""
        known = made is None and str(job.target) in self.known
        if self.path is None or known or not job.target.is_file():
            return
        line = {"target": str(job.target), "source": str(job.source)} | dict(made or {})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _target_of(line: str) -> str | None:
    """None of a line that a kill has cut off, or that is none of ours."""
    try:
        return json.loads(line).get("target")
    except (json.JSONDecodeError, AttributeError):
        return None

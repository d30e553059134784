"""Work on many files: their tree is kept, finished ones are skipped, bad ones reported."""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple, TypeAlias, TypeVar

from audiodiff.errors import AudiodiffError
from audiodiff.system.folders import files_below, listed_name

Result = TypeVar("Result")


class Job(NamedTuple):
    """One input file and the file of its result."""

    source: Path
    target: Path


class Outcome(NamedTuple):
    """The outcome of a list of jobs.

    Attributes:
        done: Results that were written.
        skipped: Results that existed already.
        failed: Source and reason of each job that failed.
    """

    done: list[Path]
    skipped: list[Path]
    failed: list[tuple[Path, str]]


def sentence(error: AudiodiffError | OSError) -> str:
    """An error as a sentence for people."""
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

    The files of a folder keep their relative paths below ``out``; a single file goes directly into
    it. Folders are searched by `files_below`, leaving out ``out``, as it holds results.

    Args:
        inputs: Files and folders to work on.
        out: Folder of the results.
        source_suffixes: Suffixes of the files to take from folders, in lower case.
        target_suffix: Suffix of the results.
        names: The only files to take, as `listed_name` writes their paths below their folder
            without suffix; None for all.

    Raises:
        AudiodiffError: If an input does not exist, has an unknown suffix or holds no file, if a
            name matches no file, if two results would have the same path, if a result would replace
            an input, or if ``out`` cannot be written to.
    """
    check_writable(out)
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
    """The sources that are named; every name must match one."""
    known = [listed_name(relative.as_posix()) for _, relative in sources]
    missing = set(names) - set(known)
    if missing:
        raise AudiodiffError(
            f"{len(missing)} of {len(names)} names match no file of the inputs, such as "
            f"{min(missing)!r}; give names as paths below the folder, without suffix"
        )
    return [pair for name, pair in zip(known, sources, strict=True) if name in names]


def check_writable(out: Path, remedy: str = "choose another folder") -> None:
    """Refuses an output folder to which no result could be written later.

    Args:
        out: The folder.
        remedy: Advice to the user, which ends the message.

    Raises:
        AudiodiffError: If it lies under a file or a broken link, or its nearest existing folder
            takes no files.
    """
    nearest = next(place for place in (out, *out.parents) if os.path.lexists(place))
    if not nearest.exists():
        raise AudiodiffError(f"{out} cannot be made as the link {nearest} leads nowhere; {remedy}")
    if not nearest.is_dir():
        raise AudiodiffError(f"{out} cannot be made as {nearest} is a file; {remedy}")
    try:
        # Permissions do not tell all, such as a file system that is full or no disk's.
        with TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise AudiodiffError(
            f"{nearest} cannot be written to ({error.strerror}); {remedy}"
        ) from error


def check_file(path: Path) -> None:
    """Refuses a file that could not be written later.

    Raises:
        AudiodiffError: If it is a folder, or its folder cannot be made or is read-only.
    """
    if path.is_dir():
        raise AudiodiffError(f"{path} is a folder; give a file name")
    if path.is_file() or not path.exists():  # anything else is written to, not replaced
        check_writable(path.parent)


def _sources(item: Path, suffixes: Collection[str], out: Path) -> list[tuple[Path, Path]]:
    """The files of one input, each with its relative path without suffix."""
    known = ", ".join(sorted(suffixes))
    if item.is_dir():
        found = [
            (path, path.relative_to(item).with_suffix(""))
            for path in files_below(item, suffixes, without=out)
        ]
        if not found:
            raise AudiodiffError(f"{item} holds no file of the kinds {known}; check the folder")
        return found
    if not item.exists():
        raise AudiodiffError(f"{item}: no such file or folder")
    if item.suffix.lower() not in suffixes:
        raise AudiodiffError(f"{item} is not of the kinds {known}; convert it first")
    return [(item, Path(item.stem))]


Spread: TypeAlias = Callable[[Sequence[Job]], Iterable[tuple[Job, Callable[[], Result]]]]
"""Does jobs: yields each, in any order, with a function that returns its result or raises."""


def one_by_one(work: Callable[[Job], Result]) -> Spread[Result]:
    """Does jobs in this process, in order."""
    return lambda jobs: ((job, partial(work, job)) for job in jobs)


def run_jobs(
    jobs: Sequence[Job],
    spread: Spread[Result],
    *,
    overwrite: bool,
    on_job: Callable[[Job, Result | None], None],
) -> Outcome:
    """Does every job that is not done yet; one that fails does not stop the others.

    Args:
        jobs: Jobs to do, as from `find_jobs`.
        spread: Function that does them, such as `one_by_one`. An AudiodiffError or OSError of a
            job's result counts as that job's failure.
        overwrite: Whether finished jobs are done again.
        on_job: Called after each job with its result; None if it was skipped or failed.

    Raises:
        AudiodiffError: If a worker process was killed.
    """
    outcome = Outcome([], [], [])
    pending = []
    for job in jobs:
        if not overwrite and os.path.isfile(job.target):  # an invalid name is reported later
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

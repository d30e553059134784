"""What the commands of `audiodiff edit` share: options, and how files are edited."""

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from audiodiff.cli.display import Display
from audiodiff.cli.options import (
    A_MODEL,
    Device,
    Inputs,
    MaxHours,
    NoProvenance,
    Out,
    Overwrite,
    Precision,
    Seed,
    Steps,
    Threads,
)
from audiodiff.cli.terminal import console, progress_bar, remark_on_skipped, report_outcome
from audiodiff.config import MAX_HOURS
from audiodiff.system.jobs import Job, find_jobs, one_by_one, run_jobs

if TYPE_CHECKING:
    from audiodiff.pipelines.edit_settings import Edit, EditSettings
    from audiodiff.pipelines.infill import Infill

    Own = TypeVar("Own", bound=Infill | None)
    Model = TypeVar("Model", bound=Infill)

EditModel = Annotated[str, typer.Option("--model", help=f"Model: {A_MODEL}.")]


@dataclass(frozen=True)
class Files:
    """The files of a command, and how they are edited: the options of every command."""

    inputs: Inputs
    out: Out = Path("edited")
    threads: Threads = None
    overwrite: Overwrite = False
    no_provenance: NoProvenance = False
    max_hours: MaxHours = MAX_HOURS

    @cached_property
    def jobs(self) -> list[Job]:
        """The recordings and their results."""
        from audiodiff.audio.io import AUDIO_SUFFIXES

        return find_jobs(self.inputs, self.out, AUDIO_SUFFIXES, ".wav")

    @property
    def settings(self) -> "EditSettings":
        """The settings by which they are edited."""
        from audiodiff.pipelines.edit_settings import EditSettings

        return EditSettings(max_hours=self.max_hours, provenance=not self.no_provenance)

    def edit(self, begin: "Callable[[], tuple[Edit[Own], Own]]") -> None:
        """Edits the files that are not there yet, shows progress, and reports the outcome.

        Args:
            begin: Returns the edit and what does it; called once the files are known to be there.
        """
        from audiodiff.system.threads import computing, n_threads

        jobs, settings = self.jobs, self.settings
        edit, by = begin()
        with progress_bar() as progress, computing(n_threads(self.threads)):
            display = Display(progress, len(jobs), "editing")

            def on_job(job: Job, remark: str | None) -> None:
                if remark is not None:
                    console.print(remark)
                display.on_file()

            def on_parts(job: Job, n_done: int, n_parts: int) -> None:
                display.on_part(job, n_done, n_parts, edit.parts)

            spread = one_by_one(lambda job: edit(by, job, settings, on_parts))
            outcome = run_jobs(jobs, spread, overwrite=self.overwrite, on_job=on_job)
        n_others = self._remark(edit, by, set(outcome.skipped))
        report_outcome(outcome, "", n_others)

    def _remark(self, edit: "Edit[Own]", by: "Own", skipped: Collection[Path]) -> int:
        """Warns of results that were there already and that another edit made, and counts them."""
        from audiodiff.pipelines.edit_settings import FOUND

        left = (job for job in self.jobs if job.target in skipped)
        expected = {job.target: self.settings.expected(edit, by, job) for job in left}
        records = {path: record for path, record in expected.items() if record is not None}
        return remark_on_skipped(
            records, FOUND if edit.spans is not None else (*FOUND, "synthetic")
        )


@dataclass(frozen=True)
class ModelFiles(Files):
    """The files of a command that edits by a model, with the model's options."""

    model: EditModel = "speech-edit"
    steps: Steps = None
    seed: Seed = 0
    device: Device = "cpu"
    precision: Precision = "auto"

    @property
    def settings(self) -> "EditSettings":
        """The settings by which they are edited."""
        own = {"n_steps": self.steps, "seed": self.seed, "model": self.model}
        return super().settings.model_copy(update=own)

    def edit_by(self, kind: "type[Model]", begin: "Callable[[Model], Edit[Model]]") -> None:
        """Edits the files by a model.

        Args:
            kind: What edits them.
            begin: Takes it, loaded, and returns the edit.
        """

        def load() -> "tuple[Edit[Model], Model]":
            by = kind.from_pretrained(self.model, self.device, self.precision)
            return begin(by), by

        self.edit(load)


def on_files(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes its first argument, a kind of `Files`, as options beside its own."""
    first, *own = inspect.signature(command).parameters.values()
    kind = first.annotation
    shared = inspect.signature(kind).parameters

    def with_options(**given: Any) -> None:
        files = kind(**{name: given.pop(name) for name in shared})
        command(files, **given)

    with_options.__name__, with_options.__doc__ = command.__name__, command.__doc__
    with_options.__annotations__ = {}
    inputs, *others = shared.values()
    parameters = [each.replace(kind=each.KEYWORD_ONLY) for each in (inputs, *own, *others)]
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return with_options

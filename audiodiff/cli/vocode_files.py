"""The files of `audiodiff vocode`: where they are made, and what is shown of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from audiodiff.cli.display import Display
from audiodiff.cli.terminal import (
    console,
    exit_status,
    progress_bar,
    remark_on_skipped,
    report_outcome,
    require,
)
from audiodiff.errors import AudiodiffError
from audiodiff.system.index import Index
from audiodiff.system.jobs import Job, Spread, one_by_one, run_jobs

if TYPE_CHECKING:
    from audiodiff.pipelines.files import Loading, Made, OnAudio, VocodeSettings
    from audiodiff.pipelines.vocoder import Vocoder


class Resources(NamedTuple):
    """What computes: the engine, its number of processes, and the threads of a single process."""

    engine: str
    workers: int
    threads: int | None

    @property
    def elsewhere(self) -> bool:
        """Whether other processes compute."""
        return self.engine == "ray" or self.workers > 1

    def check(self) -> None:
        """Refuses what there is not, and threads that nothing would use.

        Raises:
            AudiodiffError: If the engine is unknown or not installed, or threads are given beside
                other processes.
        """
        if self.engine not in ("local", "ray"):
            raise AudiodiffError(f"--engine {self.engine!r} is unknown; choose local or ray")
        if self.engine == "ray":
            require("--engine ray", "ray", "ray", "pyarrow")
        if self.threads is not None and self.elsewhere:
            raise AudiodiffError(
                "--threads is for one process, and each worker has one core; leave it out"
            )


def vocode_files(
    jobs: Sequence[Job],
    vocoder: "Vocoder",
    loading: "Loading",
    settings: "VocodeSettings",
    resources: Resources,
    notes: Index,
    *,
    overwrite: bool,
) -> None:
    """Vocodes files here or in other processes, shows progress, and reports the outcome."""
    from audiodiff.system.workers import n_workers

    run = settings.model_dump()
    resources = resources._replace(workers=n_workers(resources.workers, len(jobs)))
    with progress_bar() as progress:
        display = Display(progress, len(jobs), "vocoding")

        def on_job(job: Job, made: "Made | None") -> None:
            if made is not None and resources.elsewhere:
                display.on_audio(job, made.seconds, made.seconds)
            if made is not None and made.remark:
                console.print(made.remark)
            notes.add(job, made and {"seconds": round(made.seconds, 3), **run})
            display.on_file()

        with _spread(resources, vocoder, loading, settings, display.on_audio) as spread:
            outcome = run_jobs(jobs, spread, overwrite=overwrite, on_job=on_job)
    if notes.failure:
        console.print(f"failed: {notes.failure}")
    n_others = remark_on_skipped(dict.fromkeys(outcome.skipped, settings.record(vocoder)))
    n_without = sum(not path.with_suffix(".png").exists() for path in outcome.skipped)
    if settings.plot and n_without:
        console.print(f"{n_without} there already lack a picture; --overwrite draws it")
    report_outcome(outcome, display.meter.text(), n_others)
    exit_status(True, bool(notes.failure))


@contextmanager
def _spread(
    resources: Resources,
    vocoder: "Vocoder",
    loading: "Loading",
    settings: "VocodeSettings",
    on_audio: "OnAudio",
) -> "Iterator[Spread[Made]]":
    """Chooses where the jobs run: on a Ray cluster, in a pool of processes, or here."""
    from audiodiff.pipelines.files import ahead, vocode_file
    from audiodiff.system.threads import computing, n_threads, side_by_side

    n = n_threads(resources.threads)
    if resources.engine == "ray":
        from audiodiff.pipelines.ray import on_ray

        yield on_ray(loading, settings, resources.workers)
    elif resources.workers > 1:
        from audiodiff.system.workers import in_pool, worker_pool

        with worker_pool(resources.workers) as pool:
            yield in_pool(pool, partial(loading.vocode, settings))
    elif loading.compile or vocoder.device.type != "cpu":
        # The accelerator is shared anyway, and compiled code is made by one thread.
        with computing(n):
            yield one_by_one(lambda job: vocode_file(vocoder, job, settings, on_audio))
    else:
        with side_by_side(n) as each:
            yield ahead(vocoder, settings, on_audio, each, 2 * n)

"""Files shared among the workers of a Ray cluster, or of Ray on this machine alone.

Nothing is lost when a worker dies: Ray starts another, which does its unfinished files again, and
each result appears whole or not at all, under one name.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from audiodiff.errors import AudiodiffError
from audiodiff.model.found import FoundTimes, load_times
from audiodiff.model.hub import model_directory
from audiodiff.pipelines.files import Loading, Made, VocodeSettings
from audiodiff.provenance.signing import environment
from audiodiff.system.jobs import Job, Spread, sentence

FILES_IN_HAND = 4
"""Files given to a worker at once, all of which are done again if it dies."""


def on_ray(loading: Loading, settings: VocodeSettings, n_workers: int) -> Spread[Made]:
    """Vocodes files by Ray Data, in any order.

    Ray runs on the cluster that RAY_ADDRESS names, whose machines must have this package and the
    same files at the same absolute paths, among them a certificate and its key to sign with;
    without RAY_ADDRESS, on this machine.

    Args:
        loading: The vocoder that each worker loads.
        settings: The settings of every file.
        n_workers: Number of workers, each on one core.
    """

    def spread(jobs: Sequence[Job]) -> Iterator[tuple[Job, Callable[[], Made]]]:
        import ray

        if not jobs:
            return
        signer = environment()
        ray.init(
            ignore_reinit_error=True,
            log_to_driver=False,
            configure_logging=False,
            runtime_env={"env_vars": signer} if signer else None,
        )
        ray.data.DataContext.get_current().enable_progress_bars = False
        # These may lie in the user's data folder, which a worker need not have.
        times = load_times(model_directory(loading.model))
        rows = [
            {
                "place": place,
                "source": str(job.source.absolute()),
                "target": str(job.target.absolute()),
            }
            for place, job in enumerate(jobs)
        ]
        n_blocks = -(-len(rows) // FILES_IN_HAND)
        made = ray.data.from_items(rows, override_num_blocks=n_blocks).map(
            _Worker,  # type: ignore[arg-type]  # Ray's hints allow only functions
            fn_constructor_args=(loading, settings, times),
            concurrency=min(n_workers, n_blocks),
            num_cpus=1,
        )
        for row in made.iter_rows():
            yield jobs[row["place"]], partial(_made, row)

    return spread


class _Worker:
    """An actor of Ray, which returns the error of a file in the file's row."""

    def __init__(self, loading: Loading, settings: VocodeSettings, times: FoundTimes) -> None:
        import torch

        torch.set_num_threads(1)
        self.loading, self.settings, self.times = loading, settings, times

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        job = Job(Path(row["source"]), Path(row["target"]))
        made, error = Made(0.0, None), ""
        try:
            self.loading.vocoder().model.searched = self.times
            made = self.loading.vocode(self.settings, job)
        except (AudiodiffError, OSError) as exception:
            error = sentence(exception)
        return {
            "place": row["place"],
            "seconds": made.seconds,
            "remark": made.remark or "",
            "error": error,
        }


def _made(row: dict[str, Any]) -> Made:
    if row["error"]:
        raise AudiodiffError(row["error"])
    return Made(row["seconds"], row["remark"] or None)

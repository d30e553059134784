"""Files shared among the workers of a Ray cluster, or of a Ray of this machine alone.

A worker that dies takes nothing with it: Ray starts another and gives it the files that it had in
hand, and each result appears whole or not at all, under one name.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from audiodiff.errors import AudiodiffError
from audiodiff.pipelines.files import Loading, Made, VocodeSettings
from audiodiff.system.jobs import Job, Spread, sentence

FILES_IN_HAND = 4
"""Of a worker, all of which are done again if it dies."""


def on_ray(loading: Loading, settings: VocodeSettings, n_workers: int) -> Spread[Made]:
    """Files vocoded by Ray Data, in any order.

    Ray is the cluster that RAY_ADDRESS names, whose machines have this package and see the same
    files by the same absolute paths; without it, one on this machine.

    Args:
        loading: Gives each worker its vocoder.
        settings: How.
        n_workers: Each has a core.
    """

    def spread(jobs: Sequence[Job]) -> Iterator[tuple[Job, Callable[[], Made]]]:
        import ray

        if not jobs:
            return
        ray.init(ignore_reinit_error=True, log_to_driver=False, configure_logging=False)
        ray.data.DataContext.get_current().enable_progress_bars = False
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
            _Worker,  # type: ignore[arg-type]  # Ray's hints know functions alone
            fn_constructor_args=(loading, settings),
            concurrency=min(n_workers, n_blocks),
            num_cpus=1,
        )
        for row in made.iter_rows():
            yield jobs[row["place"]], partial(_made, row)

    return spread


class _Worker:
    """One of Ray's actors; what goes wrong with a file is part of its row."""

    def __init__(self, loading: Loading, settings: VocodeSettings) -> None:
        import torch

        torch.set_num_threads(1)
        self.loading, self.settings = loading, settings

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        job = Job(Path(row["source"]), Path(row["target"]))
        made, error = Made(0.0, None), ""
        try:
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

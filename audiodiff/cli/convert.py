"""`audiodiff convert`."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli.terminal import console
from audiodiff.errors import AudiodiffError


def convert(
    weights: Annotated[
        Path,
        typer.Argument(metavar="WEIGHTS.pt", help="Checkpoint to convert.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Model directory to write.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="Origin of the checkpoint: lmnt-diffwave, lmnt-wavegrad, philsyn-diffwave, "
            "bddm or speechbrain-diffwave.",
        ),
    ],
    schedule: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.ns", help="Schedule file saved by BDDM, used as the default run."
        ),
    ] = None,
) -> None:
    """Convert another project's checkpoint into a model directory."""
    from audiodiff.importers.registry import IMPORTERS, with_bddm_schedule

    if source not in IMPORTERS:
        raise AudiodiffError(f"--from {source!r} is unknown; choose from {', '.join(IMPORTERS)}")
    model = IMPORTERS[source](weights)
    if schedule is not None:
        model = with_bddm_schedule(model, schedule)
    model.save(out)
    console.print(f"wrote {out}")

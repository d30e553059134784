"""`audiodiff evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli.options import Threads
from audiodiff.cli.terminal import console, exit_status, progress_bar, require, results


def evaluate(
    reference: Annotated[
        Path,
        typer.Argument(metavar="REF", help="Original audio, a file or folder.", show_default=False),
    ],
    output: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Audio to judge, a file or folder.", show_default=False),
    ],
    json: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON file to write the scores to, besides printing them.",
            dir_okay=False,
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Metrics to compute, separated by commas, or `all`; all but DNSMOS and CREPE's, "
            "which are slow, if not given.",
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Score audio against its reference: PESQ, ViSQOL, M-STFT, MCD, F0, voicing, hiss and more.

    Files are paired by their path within REF and OUT, without the suffix.
    """
    require("evaluation", "eval", "pystoi", "auraloss")
    from audiodiff.metrics.evaluate import evaluate_folders
    from audiodiff.metrics.registry import metrics_named
    from audiodiff.metrics.tables import file_tables, remarks, summary_table
    from audiodiff.system.atomic import replacing
    from audiodiff.system.jobs import check_file
    from audiodiff.system.threads import computing, n_threads

    names = metrics_named(metrics)
    if json is not None:
        check_file(json)  # now, not after all was judged

    with progress_bar() as progress, computing(n_threads(threads)):
        task = progress.add_task("judging", total=None, note="")
        result = evaluate_folders(
            reference, output, lambda name: progress.update(task, advance=1, note=name), names
        )
    if json is not None:
        with replacing(json) as temporary:
            temporary.write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if result.files:
        results().print(*file_tables(result), summary_table(result))
    for line in remarks(result):
        console.print(line)
    exit_status(bool(result.files), bool(result.failed))

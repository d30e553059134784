"""`audiodiff prepare`."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli.options import MaxHours, Workers, finite
from audiodiff.cli.terminal import console, progress_bar, require
from audiodiff.config import MAX_HOURS, MAX_RATE
from audiodiff.errors import AudiodiffError


def prepare(
    corpus: Annotated[
        str,
        typer.Argument(
            help="Corpus: folder (any audio), ljspeech, vctk, libritts, speech-commands, digits "
            "or musdb.",
            show_default=False,
        ),
    ],
    root: Annotated[Path, typer.Option(help="Folder that holds the corpus.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the prepared clips, lists and report.")
    ],
    rate: Annotated[
        int, typer.Option(help="Sample rate of the prepared clips in Hz.", min=1, max=MAX_RATE)
    ] = 22050,
    splits: Annotated[
        Path | None,
        typer.Option(
            help="Folder with train.txt, dev.txt or test.txt: clip ids or patterns with *."
        ),
    ] = None,
    min_seconds: Annotated[
        float,
        typer.Option(
            help="Leave out clips shorter than this, in seconds.", min=0.01, callback=finite
        ),
    ] = 0.5,
    high_pass: Annotated[
        float | None,
        typer.Option(
            help="Filter out what lies below this frequency in Hz, e.g. 40.",
            min=1,
            callback=finite,
        ),
    ] = None,
    gain: Annotated[
        float,
        typer.Option(
            help="Raise clips by so many dB, as far as their peaks allow.",
            min=-100,
            max=100,
            callback=finite,
        ),
    ] = 0.0,
    max_hours: MaxHours = MAX_HOURS,
    loudness: Annotated[
        float | None,
        typer.Option(
            help="Bring clips to this loudness in LUFS, e.g. -23.",
            min=-70,
            max=-1,
            callback=finite,
        ),
    ] = None,
    trim: Annotated[
        float | None,
        typer.Option(
            help="Cut off ends this many dB below the loudest part, e.g. 50.",
            min=1,
            callback=finite,
        ),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(
            help="Also pack the clips into tar files of this many MiB, in OUT/shards.", min=1
        ),
    ] = None,
    workers: Workers = 2,
) -> None:
    """Check a corpus and write it at one sample rate, ready for train.

    If it is interrupted, the same command goes on where it stopped.
    """
    if gain and loudness is not None:
        raise AudiodiffError("--gain and --loudness both set the level; give one of them")
    if loudness is not None:
        require("--loudness", "prepare", "pyloudnorm")
    if shards is not None:
        require("--shards", "prepare", "webdataset")
    from audiodiff.audio.filters import check_cutoff
    from audiodiff.data.layouts import read_layout
    from audiodiff.data.prepare import prepare
    from audiodiff.data.prepared import PrepareSettings
    from audiodiff.data.report import write_report
    from audiodiff.system.workers import n_workers, worker_pool

    if high_pass is not None:
        check_cutoff("--high-pass", high_pass, rate)
    settings = PrepareSettings(
        sample_rate=rate,
        min_seconds=min_seconds,
        high_pass=high_pass,
        gain_db=gain,
        max_hours=max_hours,
        loudness=loudness,
        trim_db=trim,
    )
    layout = read_layout(corpus, root, splits, out)
    n = n_workers(workers, len(layout.files))
    with progress_bar() as progress, worker_pool(n) as pool:
        bar = progress.add_task("preparing", total=len(layout.files), note="")
        layout, found = prepare(layout, out, settings, pool, lambda n: progress.advance(bar, n))
    write_report(out, layout, found, settings)
    for split, ids in layout.lists.items():
        kept = [found[id_] for id_ in ids if found[id_].reason is None]
        minutes = sum(facts.seconds for facts in kept) / 60
        console.print(f"{split}: {len(kept)} clips, {minutes:.1f} minutes")
    n_left_out = sum(facts.reason is not None for facts in found.values())
    n_remarked = sum(bool(facts.remarks) for facts in found.values() if facts.reason is None)
    console.print(
        f"{n_left_out} clips left out, {n_remarked} kept with a remark: {out / 'report.md'}"
    )
    if shards is not None:
        from audiodiff.data.shard_writer import write_shards

        with progress_bar() as progress:
            bar = progress.add_task("packing", total=None, note="")
            index = write_shards(
                out, out / "shards", shards * 2**20, lambda shard: progress.advance(bar)
            )
        counts = ", ".join(f"{len(parts)} of {split}" for split, parts in index.splits.items())
        console.print(f"shards: {counts}")

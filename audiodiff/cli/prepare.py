"""`audiodiff prepare`."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli.terminal import console, progress_bar, require


def prepare(
    corpus: Annotated[
        str,
        typer.Argument(
            help="folder (any audio), ljspeech, vctk, libritts, speech-commands or musdb.",
            show_default=False,
        ),
    ],
    root: Annotated[Path, typer.Option(help="Where the corpus lies.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for what is prepared.")],
    rate: Annotated[int, typer.Option(help="To bring every clip to, in Hz.", min=1)] = 22050,
    splits: Annotated[
        Path | None,
        typer.Option(help="A folder with train.txt, dev.txt, test.txt; ids or patterns with *."),
    ] = None,
    min_seconds: Annotated[float, typer.Option(help="Leave out shorter clips.", min=0.01)] = 0.5,
    loudness: Annotated[
        float | None, typer.Option(help="Bring clips to it, in LUFS, e.g. -23.", min=-70, max=-1)
    ] = None,
    trim: Annotated[
        float | None,
        typer.Option(help="Cut off ends so many dB under the loudest part, e.g. 50.", min=1),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(help="Pack the clips in OUT/shards too, in tar files of so many MiB.", min=1),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 2,
) -> None:
    """Check a corpus and write it, at one rate, as train reads it; killed, it goes on."""
    if loudness is not None:
        require("--loudness", "prepare", "pyloudnorm")
    if shards is not None:
        require("--shards", "prepare", "webdataset")
    from audiodiff.data.layouts import read_layout
    from audiodiff.data.prepare import prepare
    from audiodiff.data.prepared import PrepareSettings
    from audiodiff.data.report import write_report
    from audiodiff.system.workers import worker_pool

    settings = PrepareSettings(
        sample_rate=rate, min_seconds=min_seconds, loudness=loudness, trim_db=trim
    )
    layout = read_layout(corpus, root, splits)
    with progress_bar() as progress, worker_pool(workers) as pool:
        bar = progress.add_task("preparing", total=len(layout.files), note="")
        found = prepare(layout, out, settings, pool, lambda n: progress.advance(bar, n))
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

"""`audiodiff evaluate`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiodiff.cli.display import Counted
from audiodiff.cli.options import A_MODEL, Threads
from audiodiff.cli.terminal import console, exit_status, progress_bar, require, results
from audiodiff.config import MAX_DRAWS, MAX_STEPS
from audiodiff.errors import AudiodiffError

if TYPE_CHECKING:
    from audiodiff.config import Config

JUDGE = "digits-judge"
"""The classifier of recordings that judges generated sounds unless another is named."""


def evaluate(
    original: Annotated[
        Path | None,
        typer.Argument(
            metavar="REF",
            help="Original audio, a file or folder; for --likelihood, a folder of recordings.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Argument(metavar="OUT", help="Audio to judge, a file or folder.", show_default=False),
    ] = None,
    generated: Annotated[
        Path | None, typer.Option(help="Folder of generated sounds, instead of REF and OUT.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            help="Folder of recordings to compare --generated with, which its model never heard; "
            "those in its test.txt if it has one."
        ),
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(
            help="Folder of recordings that the model of --generated was trained on, to see "
            "whether it repeats them; those in its train.txt if it has one."
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="Classifier of recordings that judges --generated: a directory, a Hugging Face "
            f"Hub id (owner/name) or the name of one in this package; {JUDGE} if not given."
        ),
    ] = None,
    likelihood: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Model that says how likely the recordings in REF are, those in its test.txt if "
            f"it has one: {A_MODEL}.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Number of steps of --likelihood; 8 if not given.", min=1, max=MAX_STEPS),
    ] = None,
    probes: Annotated[
        int | None,
        typer.Option(
            help="Number of random probes of --likelihood, which make its error smaller; 2 if not "
            "given.",
            min=2,
            max=MAX_DRAWS,
        ),
    ] = None,
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

    Files are paired by their path within REF and OUT, without the suffix. Generated sounds have no
    originals: with --generated and --reference, one set of sounds is compared with the other. With
    --likelihood, a model says how likely it holds each recording in REF.
    """
    for_sets = {"--reference": reference, "--train": train, "--encoder": encoder}
    for_likelihood = {"--steps": steps, "--probes": probes}
    if likelihood is None:
        _check_unused(for_likelihood, "give --likelihood too, or leave it out")
    else:
        others = {"OUT": output, "--generated": generated, **for_sets, "--metrics": metrics}
        _check_unused(others, "not for --likelihood; leave it out")
        if original is None:
            raise AudiodiffError("--likelihood needs REF, a folder of recordings; give one")
        _evaluate_likelihood(likelihood, original, steps, probes, json, threads)
        return
    if generated is None:
        _check_unused(for_sets, "give --generated too, or leave it out")
        if original is None or output is None:
            raise AudiodiffError("give REF and OUT, or --generated and --reference")
        _evaluate_pairs(original, output, metrics, json, threads)
        return
    if metrics is not None:
        raise AudiodiffError("--metrics: --generated has measures of its own; leave it out")
    if original is not None or output is not None:
        raise AudiodiffError("REF and OUT are not for --generated; leave one or the other out")
    if reference is None:
        raise AudiodiffError(
            "--generated needs --reference, a folder of recordings to compare with"
        )
    _evaluate_sets(generated, reference, train, encoder or JUDGE, json, threads)


def _check_unused(values: Mapping[str, object], remedy: str) -> None:
    """Refuses arguments that have no meaning here.

    Raises:
        AudiodiffError: Naming those that are given.
    """
    if given := [name for name, value in values.items() if value is not None]:
        raise AudiodiffError(f"{', '.join(given)}: {remedy}")


def _evaluate_pairs(
    reference: Path, output: Path, metrics: str | None, json: Path | None, threads: int | None
) -> None:
    """Scores files beside their originals."""
    require("evaluation", "eval", "pystoi", "auraloss")
    from audiodiff.metrics.evaluate import evaluate_folders
    from audiodiff.metrics.registry import metrics_named
    from audiodiff.metrics.tables import file_tables, remarks, summary_table
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
    _store(result, json)
    if result.files:
        results().print(*file_tables(result), summary_table(result))
    for line in remarks(result):
        console.print(line)
    exit_status(bool(result.files), bool(result.failed))


def _evaluate_sets(
    generated: Path,
    reference: Path,
    train: Path | None,
    encoder: str,
    json: Path | None,
    threads: int | None,
) -> None:
    """Scores a set of generated sounds beside sets of recordings."""
    from audiodiff.metrics.tables import set_remarks, set_table
    from audiodiff.pipelines.evaluate import evaluate_generated
    from audiodiff.pipelines.sound_classifier import SoundClassifier
    from audiodiff.system.jobs import check_file
    from audiodiff.system.threads import n_threads, side_by_side

    if json is not None:
        check_file(json)
    judge = SoundClassifier.from_pretrained(encoder)
    with progress_bar() as progress, side_by_side(n_threads(threads)) as each:
        task = progress.add_task("judging", total=None, note="")
        result = evaluate_generated(
            judge,
            encoder,
            generated,
            reference,
            train,
            on_file=lambda: progress.advance(task),
            each=each,
        )
    _store(result, json)
    results().print(set_table(result))
    for line in set_remarks(result):
        console.print(line)
    exit_status(True, bool(result.failed))


def _evaluate_likelihood(
    name: str,
    folder: Path,
    steps: int | None,
    probes: int | None,
    json: Path | None,
    threads: int | None,
) -> None:
    """Says how likely a model holds recordings."""
    from audiodiff.metrics.tables import bits_remarks, bits_tables
    from audiodiff.pipelines.likelihood import (
        N_DRAWS,
        N_STEPS,
        LikelihoodMeter,
        evaluate_likelihood,
    )
    from audiodiff.system.jobs import check_file
    from audiodiff.system.threads import n_threads, side_by_side

    if json is not None:
        check_file(json)
    meter = LikelihoodMeter.from_pretrained(
        name,
        n_steps=N_STEPS if steps is None else steps,
        n_draws=N_DRAWS if probes is None else probes,
    )
    with progress_bar() as progress, side_by_side(n_threads(threads)) as each:
        counted = Counted(progress, "judging", "clips")
        result = evaluate_likelihood(meter, name, folder, counted, each)
    _store(result, json)
    results().print(*bits_tables(result))
    for line in bits_remarks(result):
        console.print(line)
    exit_status(True, bool(result.failed))


def _store(result: "Config", json: Path | None) -> None:
    """Writes the scores to a file, if one is named."""
    from audiodiff.system.atomic import replacing

    if json is not None:
        with replacing(json) as temporary:
            temporary.write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")

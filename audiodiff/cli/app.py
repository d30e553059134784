"""The command line: ``audiodiff vocode``, ``mel``, ``train``, ``search`` and others."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from audiodiff.cli import demo as cli_demo
from audiodiff.cli import doctor as cli_doctor
from audiodiff.cli import export as cli_export
from audiodiff.cli import generate as cli_generate
from audiodiff.cli import prepare as cli_prepare
from audiodiff.cli import search as cli_search
from audiodiff.cli import vocode as cli_vocode
from audiodiff.cli.terminal import console, exit_status, progress_bar, report_outcome, require
from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import Job, find_jobs, one_by_one, run_jobs, sentence

app = typer.Typer(
    name="audiodiff",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(cli_vocode.vocode)
app.command()(cli_search.search)
app.command()(cli_search.info)
app.command()(cli_doctor.doctor)
app.command()(cli_export.export)
app.command()(cli_demo.demo)
app.command()(cli_prepare.prepare)
app.command()(cli_generate.generate)

Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUT", help="Files or folders; a folder keeps its tree.", show_default=False
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Do finished files again.")]


def _print_version(wanted: bool | None) -> None:
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        print(f"audiodiff {version('audiodiff-vocoder')}")
    except PackageNotFoundError as error:
        raise AudiodiffError(
            "audiodiff runs without being installed, so it has no version; pip install it"
        ) from error
    raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool | None,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = None,
) -> None:
    """Diffusion vocoders: mel spectrograms in, sound out, in few steps."""


@app.command()
def mel(
    inputs: Inputs,
    out: Out,
    preset: Annotated[str, typer.Option(help="Whose mel, e.g. hifigan; see the README.")],
    overwrite: Overwrite = False,
) -> None:
    """Compute mel spectrograms of audio files: .npy, (n_mels, frames), float32."""
    import torch

    from audiodiff.audio import io
    from audiodiff.mel.files import save_mel
    from audiodiff.mel.log_mel import LogMel
    from audiodiff.mel.presets import PRESETS
    from audiodiff.system.memory import enough_memory

    if preset not in PRESETS:
        raise AudiodiffError(f"--preset {preset!r} is unknown; choose from {', '.join(PRESETS)}")
    jobs = find_jobs(inputs, out, io.AUDIO_SUFFIXES, ".npy")
    log_mel = LogMel(PRESETS[preset])

    def work(job: Job) -> None:
        with enough_memory(job.source, "split it into shorter files"):
            wave, _ = io.load(job.source, PRESETS[preset].sample_rate)
            save_mel(job.target, log_mel(torch.from_numpy(wave)[None])[0])

    with progress_bar() as progress:
        task = progress.add_task("computing mels", total=len(jobs), note="")
        outcome = run_jobs(
            jobs,
            one_by_one(work),
            overwrite=overwrite,
            on_job=lambda job, made: progress.advance(task),
        )
    report_outcome(outcome, "")


@app.command()
def train(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.toml", help="The run.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The run's folder.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(help="A folder of clips, in LJSpeech's form or any; may be given often."),
    ] = None,
    shards: Annotated[
        str | None, typer.Option(help="Instead: a folder of shards, or its http address.")
    ] = None,
    mels: Annotated[
        Path | None,
        typer.Option(help="Mels that an acoustic model predicted for the clips, ID.npy."),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(help="Stop after this step of the run.", min=1)
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option(help="Stop after so many minutes of this session.", min=0)
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")
    ] = False,
    init: Annotated[
        str | None,
        typer.Option(help="Start from this model's weights: a name, directory or hub id."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value over the config, e.g. optimizer.lr=1e-4."),
    ] = None,
) -> None:
    """Train a model; also under `accelerate launch` or `torchrun`."""
    require("training", "train", "accelerate", "tensorboard")
    if (shards is None) == (not data):
        raise AudiodiffError("give the clips by either --data FOLDER or --shards FOLDER")
    if shards is not None:
        require("--shards", "prepare", "webdataset")
    if shards is not None and mels is not None:
        raise AudiodiffError("--mels goes with --data alone; shards hold no mels")
    from audiodiff.model.hub import model_directory
    from audiodiff.training.config import read_train_config
    from audiodiff.training.session import Stop
    from audiodiff.training.trainer import train as run

    settings = read_train_config(config, set_ or [])
    start = None if init is None else model_directory(init)
    stop = Stop(max_steps, max_minutes)
    run(
        settings,
        data or [],
        out,
        stop=stop,
        resume=resume,
        init=start,
        shards=shards,
        mels=mels,
        say=console.print,
    )


@app.command()
def convert(
    weights: Annotated[
        Path, typer.Argument(metavar="WEIGHTS.pt", help="The checkpoint.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The model directory to write.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="Whose: lmnt-diffwave, lmnt-wavegrad, philsyn-diffwave, bddm or "
            "speechbrain-diffwave.",
        ),
    ],
    schedule: Annotated[
        Path | None,
        typer.Option(metavar="FILE.ns", help="A schedule that BDDM saved, as the default run."),
    ] = None,
) -> None:
    """Convert somebody else's checkpoint into a model directory."""
    from audiodiff.importers.registry import IMPORTERS, with_bddm_schedule

    if source not in IMPORTERS:
        raise AudiodiffError(f"--from {source!r} is unknown; choose from {', '.join(IMPORTERS)}")
    model = IMPORTERS[source](weights)
    if schedule is not None:
        model = with_bddm_schedule(model, schedule)
    model.save(out)
    console.print(f"wrote {out}")


@app.command()
def evaluate(
    reference: Annotated[
        Path,
        typer.Argument(metavar="REF", help="Original audio, file or folder.", show_default=False),
    ],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="What a model made of it.", show_default=False)
    ],
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the figures here too.", dir_okay=False),
    ] = None,
) -> None:
    """Judge sound against its reference: PESQ, ESTOI, M-STFT, log-mel, MCD, F0, voicing, hiss.

    Files pair by their path within REF and OUT, suffix aside.
    """
    require("evaluation", "eval", "pesq", "pystoi", "auraloss", "pyworld")
    from audiodiff.metrics.evaluate import evaluate_folders
    from audiodiff.metrics.tables import file_table, remarks, summary_table
    from audiodiff.system.atomic import replacing

    with progress_bar() as progress:
        task = progress.add_task("judging", total=None, note="")
        result = evaluate_folders(
            reference, output, lambda name: progress.update(task, advance=1, note=name)
        )
    if result.files:
        Console().print(file_table(result), summary_table(result))
    for line in remarks(result):
        console.print(line)
    if json is not None:
        with replacing(json) as temporary:
            temporary.write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    exit_status(bool(result.files), bool(result.failed))


def main() -> None:
    """The entry point: a bad input is one sentence and exit status 2."""
    try:
        app(prog_name="audiodiff")
    except (AudiodiffError, OSError) as error:
        console.print(f"error: {sentence(error)}")
        sys.exit(2)

"""The command line: ``audiodiff vocode``, ``mel``, ``train``, ``search`` and others."""

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from audiodiff import cli_demo, cli_doctor, cli_export, cli_generate, cli_prepare, cli_search
from audiodiff.errors import AudiodiffError
from audiodiff.files import Index, Job, find_jobs, one_by_one, run_jobs, sentence
from audiodiff.terminal import console, exit_status, progress_bar, report_outcome, require

app = typer.Typer(
    name="audiodiff",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
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
def vocode(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="INPUT", help="Files or folders; a folder keeps its tree.", show_default=False
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the results.")] = None,
    list_: Annotated[
        Path | None,
        typer.Option("--list", help="Names a line; only these files of the folders.", exists=True),
    ] = None,
    model: Annotated[
        str,
        typer.Option(help="A model directory, a hub id owner/name, or a model of this package."),
    ] = "default",
    steps: Annotated[
        int | None, typer.Option(help="Of the sampler; the model's own by default.", min=1)
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(help="E.g. ddim, dpm++2m, unipc2, heun; the model's own by default."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the noise, the same for every file.", min=0)] = 0,
    preset: Annotated[
        str | None, typer.Option(help="Whose mels the files hold; the model's own by default.")
    ] = None,
    rate: Annotated[
        int | None, typer.Option(help="Of the sound, in Hz; the model's own by default.", min=1)
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
    precision: Annotated[
        str, typer.Option(help="fp32, bf16, or auto: bf16 where the device multiplies it.")
    ] = "auto",
    compile: Annotated[
        bool, typer.Option("--compile", help="Compile the network first; pays for hours of sound.")
    ] = False,
    batch_size: Annotated[int, typer.Option(help="Pieces of a long file made at once.", min=1)] = 1,
    workers: Annotated[
        int, typer.Option(help="Processes that share the files; for many short ones.", min=1)
    ] = 1,
    engine: Annotated[
        str, typer.Option(help="Where workers are: local, or ray: RAY_ADDRESS names the cluster.")
    ] = "local",
    index: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="Note each result here.", dir_okay=False),
    ] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the spectrograms too.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say which run it is.")] = False,
    overwrite: Overwrite = False,
    stream: Annotated[
        str | None,
        typer.Option(help="mel or audio: from standard input to PCM on standard output."),
    ] = None,
    latency: Annotated[
        float, typer.Option(help="Of --stream, in seconds, without computing.", min=0)
    ] = 0.5,
) -> None:
    """Turn audio (resynthesis) or mels (.npy .npz .pt .safetensors) into wav files."""
    from audiodiff import cli_stream
    from audiodiff.audio.conversion import conversion_to
    from audiodiff.data.corpus import read_ids
    from audiodiff.vocode import (
        INPUT_SUFFIXES,
        Loading,
        Made,
        Meter,
        VocodeSettings,
        vocode_file,
    )
    from audiodiff.vocoder import Vocoder
    from audiodiff.workers import in_pool, worker_pool

    if engine not in ("local", "ray"):
        raise AudiodiffError(f"--engine {engine!r} is unknown; choose local or ray")
    if engine == "ray":
        require("--engine ray", "ray", "ray", "pyarrow")
    if stream is None and (not inputs or out is None):
        raise AudiodiffError("give files or folders to vocode and --out, or --stream mel")
    if stream is not None and (inputs or out is not None):
        raise AudiodiffError("--stream reads standard input; leave files and --out out")
    names = None if list_ is None else read_ids(list_)
    jobs = [] if out is None else find_jobs(inputs or [], out, INPUT_SUFFIXES, ".wav", names)
    loading = Loading(model, device, precision, compile)
    vocoder = Vocoder.from_pretrained(*loading)
    if vocoder.mel_config is None:
        raise AudiodiffError(f"--model {model!r} takes no mel, so no input; choose another")
    settings = VocodeSettings(
        n_steps=steps,
        sampler=sampler,
        seed=seed,
        preset=preset,
        batch_size=batch_size,
        rate=rate,
        plot=plot,
    )
    if preset is not None and (remark := conversion_to(vocoder.mel_config, preset).remark()):
        console.print(f"warning: {remark}")
    vocoder.model.sampler(sampler)  # an unknown name is one error, not one a file
    if verbose:
        console.print(cli_search.run_in_words(vocoder.model, steps, sampler))
    if stream is not None:
        cli_stream.stream(
            vocoder, stream, latency, steps, sampler, seed, *cli_stream.standard_streams()
        )
        return
    meter, elsewhere = Meter(), engine == "ray" or workers > 1
    notes, run = Index(index), {"model": model, **settings.model_dump()}
    with progress_bar() as progress, ExitStack() as stack:
        task = progress.add_task("vocoding", total=len(jobs), note="")

        def on_audio(seconds: float) -> None:
            meter.add(seconds)
            progress.update(task, note=meter.text())

        def on_job(job: Job, made: Made | None) -> None:
            if made is not None and elsewhere:
                on_audio(made.seconds)
            if made is not None and made.remark:
                console.print(made.remark)
            notes.add(job, made and {"seconds": round(made.seconds, 3), **run})
            progress.advance(task)

        if engine == "ray":
            from audiodiff.cluster import on_ray

            spread = on_ray(loading, settings, workers)
        elif elsewhere:
            pool = stack.enter_context(worker_pool(workers))
            spread = in_pool(pool, partial(loading.vocode, settings))
        else:
            spread = one_by_one(lambda job: vocode_file(vocoder, job, settings, on_audio))
        outcome = run_jobs(jobs, spread, overwrite=overwrite, on_job=on_job)
    report_outcome(outcome, meter.text())


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
    from audiodiff.audio.mel import LogMel
    from audiodiff.audio.melfiles import save_mel
    from audiodiff.audio.presets import PRESETS
    from audiodiff.vocode import enough_memory

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
    from audiodiff.hub import model_directory
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
    from audiodiff.convert import IMPORTERS, with_bddm_schedule

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
    from audiodiff.atomic import replacing
    from audiodiff.metrics.evaluate import evaluate_folders
    from audiodiff.metrics.tables import file_table, remarks, summary_table

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

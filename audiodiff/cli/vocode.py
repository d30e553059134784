"""`audiodiff vocode`."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli import search as cli_search
from audiodiff.cli import stream as cli_stream
from audiodiff.cli.terminal import console, progress_bar, report_outcome, require
from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import Index, Job, find_jobs, one_by_one, run_jobs


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
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Do finished files again.")
    ] = False,
    stream: Annotated[
        str | None,
        typer.Option(help="mel or audio: from standard input to PCM on standard output."),
    ] = None,
    latency: Annotated[
        float, typer.Option(help="Of --stream, in seconds, without computing.", min=0)
    ] = 0.5,
) -> None:
    """Turn audio (resynthesis) or mels (.npy .npz .pt .safetensors) into wav files."""
    from audiodiff.data.corpus import read_ids
    from audiodiff.mel.conversion import conversion_to
    from audiodiff.model.run import Run
    from audiodiff.pipelines.files import (
        INPUT_SUFFIXES,
        Loading,
        Made,
        Meter,
        VocodeSettings,
        vocode_file,
    )
    from audiodiff.pipelines.vocoder import Vocoder
    from audiodiff.system.workers import in_pool, worker_pool

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
    vocoder.model.sampler(Run(sampler))  # an unknown name is one error, not one a file
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
            from audiodiff.pipelines.ray import on_ray

            spread = on_ray(loading, settings, workers)
        elif elsewhere:
            pool = stack.enter_context(worker_pool(workers))
            spread = in_pool(pool, partial(loading.vocode, settings))
        else:
            spread = one_by_one(lambda job: vocode_file(vocoder, job, settings, on_audio))
        outcome = run_jobs(jobs, spread, overwrite=overwrite, on_job=on_job)
    report_outcome(outcome, meter.text())

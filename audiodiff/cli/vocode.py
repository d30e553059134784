"""`audiodiff vocode`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from audiodiff.cli.display import Display
from audiodiff.cli.options import (
    Compile,
    Device,
    InputsOrNone,
    ModelOption,
    OutOrNone,
    Overwrite,
    Precision,
    Preset,
    Rate,
    Sampler,
    Seed,
    Steps,
    Threads,
    Transpose,
    Workers,
    finite,
)
from audiodiff.cli.terminal import (
    console,
    exit_status,
    progress_bar,
    remark_on_skipped,
    report_outcome,
    require,
    run_in_words,
)
from audiodiff.config import MAX_COUNT
from audiodiff.errors import AudiodiffError
from audiodiff.system.index import Index, indexing
from audiodiff.system.jobs import Job, Spread, find_jobs, one_by_one, run_jobs
from audiodiff.system.standard import binary_streams

if TYPE_CHECKING:
    from audiodiff.pipelines.files import Loading, Made, OnAudio, VocodeSettings
    from audiodiff.pipelines.vocoder import Vocoder


def vocode(
    inputs: InputsOrNone = None,
    out: OutOrNone = None,
    list_: Annotated[
        Path | None,
        typer.Option(
            "--list",
            help="Text file that names the only files to vocode, one to a line, as paths below "
            "INPUT without suffix.",
            exists=True,
        ),
    ] = None,
    model: ModelOption = "default",
    steps: Steps = None,
    sampler: Sampler = None,
    seed: Seed = 0,
    preset: Preset = None,
    transpose: Transpose = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Accept mels whose values look like those of another preset or scale."
        ),
    ] = False,
    rate: Rate = None,
    device: Device = "cpu",
    precision: Precision = "auto",
    compile: Compile = False,
    batch_size: Annotated[
        int,
        typer.Option(help="Number of pieces of a long file made at once.", min=1, max=MAX_COUNT),
    ] = 1,
    threads: Threads = None,
    workers: Workers = 1,
    engine: Annotated[
        str,
        typer.Option(
            help="Engine of the workers: local, or ray on the cluster that RAY_ADDRESS names."
        ),
    ] = "local",
    index: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl",
            help="JSON Lines file that gets a line for each result.",
            dir_okay=False,
        ),
    ] = None,
    plot: Annotated[
        bool,
        typer.Option(
            "--plot", help="Also draw the spectrograms, to a .png file beside each result."
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print the sampler, its times and their source.")
    ] = False,
    overwrite: Overwrite = False,
    stream: Annotated[
        str | None,
        typer.Option(
            help="Stream mel (float32, frame after frame) or audio (16-bit mono PCM) from standard "
            "input to 16-bit mono PCM on standard output; all little-endian."
        ),
    ] = None,
    latency: Annotated[
        float,
        typer.Option(
            help="Longest wait of --stream for later input, in seconds.", min=0, callback=finite
        ),
    ] = 0.5,
) -> None:
    """Turn mels (.npy .npz .pt .safetensors) or audio (resynthesis) into wav files.

    Every file starts from the same seed, so its sound does not depend on the other files.
    """
    from audiodiff.data.corpus import read_ids
    from audiodiff.pipelines.files import INPUT_SUFFIXES, Loading, VocodeSettings
    from audiodiff.pipelines.vocoder import Vocoder
    from audiodiff.system.workers import n_workers

    _check_usage(engine, stream, bool(inputs), out is not None)
    if threads is not None and (workers > 1 or engine == "ray"):
        raise AudiodiffError(
            "--threads is for one process, and each worker has one core; leave it out"
        )
    if stream is not None:
        given = {
            "--preset": preset is not None,
            "--transpose": transpose,
            "--force": force,
            "--rate": rate is not None,
            "--list": list_ is not None,
            "--index": index is not None,
            "--plot": plot,
            "--overwrite": overwrite,
            "--batch-size": batch_size > 1,
            "--workers": workers > 1,
        }
        _check_stream([name for name, is_given in given.items() if is_given])
    names = None if list_ is None else read_ids(list_)
    jobs = [] if out is None else find_jobs(inputs or [], out, INPUT_SUFFIXES, ".wav", names)
    streaming = None if stream is None else (stream, *binary_streams())
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
        model=model,
        transpose=transpose,
        force=force,
    )
    _check_run(vocoder, settings)
    if verbose:
        console.print(run_in_words(vocoder.model, settings.run))
    if streaming is not None:
        from audiodiff.cli import stream as cli_stream
        from audiodiff.system.threads import computing

        kind, source, target = streaming
        # Its pieces are too short to share.
        with computing(1 if threads is None else threads):
            cli_stream.stream(vocoder, kind, latency, steps, sampler, seed, source, target)
        return
    resources = Resources(engine, n_workers(workers, len(jobs)), threads)
    with indexing(index) as notes:
        _vocode_files(jobs, vocoder, loading, settings, resources, notes, overwrite=overwrite)


def _check_usage(engine: str, stream: str | None, has_inputs: bool, has_out: bool) -> None:
    """Refuses options that do not go together, before a model is loaded."""
    if engine not in ("local", "ray"):
        raise AudiodiffError(f"--engine {engine!r} is unknown; choose local or ray")
    if engine == "ray":
        require("--engine ray", "ray", "ray", "pyarrow")
    if stream is None and not (has_inputs and has_out):
        raise AudiodiffError("give files or folders to vocode and --out, or --stream mel")
    if stream is not None and (has_inputs or has_out):
        raise AudiodiffError("--stream reads standard input; leave files and --out out")


def _check_stream(for_files: Sequence[str]) -> None:
    """Refuses options that a stream would have to ignore."""
    if for_files:
        raise AudiodiffError(
            f"--stream takes no {', '.join(for_files)}: it reads the model's own mel or rate and "
            "writes at the model's rate; convert files first, or leave that out"
        )


def _check_run(vocoder: "Vocoder", settings: "VocodeSettings") -> None:
    """Refuses a run that the model cannot make, once for all files."""
    from audiodiff.mel.conversion import conversion_to

    preset = settings.preset
    if preset is not None and (remark := conversion_to(vocoder.mel_config, preset).remark()):
        console.print(f"warning: {remark}")
    vocoder.model.sampler(settings.run)


class Resources(NamedTuple):
    """What computes: the engine, its number of processes, and the threads of a single process."""

    engine: str
    workers: int
    threads: int | None

    @property
    def elsewhere(self) -> bool:
        """Whether other processes compute."""
        return self.engine == "ray" or self.workers > 1


def _vocode_files(
    jobs: Sequence[Job],
    vocoder: "Vocoder",
    loading: "Loading",
    settings: "VocodeSettings",
    resources: Resources,
    notes: Index,
    *,
    overwrite: bool,
) -> None:
    """Vocodes files here or in other processes, shows progress, and reports the outcome."""
    run = settings.model_dump()
    with progress_bar() as progress:
        display = Display(progress, len(jobs), "vocoding")

        def on_job(job: Job, made: "Made | None") -> None:
            if made is not None and resources.elsewhere:
                display.on_audio(job, made.seconds, made.seconds)
            if made is not None and made.remark:
                console.print(made.remark)
            notes.add(job, made and {"seconds": round(made.seconds, 3), **run})
            display.on_file()

        with _spread(resources, vocoder, loading, settings, display.on_audio) as spread:
            outcome = run_jobs(jobs, spread, overwrite=overwrite, on_job=on_job)
    if notes.failure:
        console.print(f"failed: {notes.failure}")
    remark_on_skipped(dict.fromkeys(outcome.skipped, settings.record(vocoder)))
    n_without = sum(not path.with_suffix(".png").exists() for path in outcome.skipped)
    if settings.plot and n_without:
        console.print(f"{n_without} there already lack a picture; --overwrite draws it")
    report_outcome(outcome, display.meter.text())
    exit_status(True, bool(notes.failure))


@contextmanager
def _spread(
    resources: Resources,
    vocoder: "Vocoder",
    loading: "Loading",
    settings: "VocodeSettings",
    on_audio: "OnAudio",
) -> "Iterator[Spread[Made]]":
    """Chooses where the jobs run: on a Ray cluster, in a pool of processes, or here."""
    from audiodiff.pipelines.files import ahead, vocode_file
    from audiodiff.system.threads import computing, n_threads, side_by_side

    n = n_threads(resources.threads)
    if resources.engine == "ray":
        from audiodiff.pipelines.ray import on_ray

        yield on_ray(loading, settings, resources.workers)
    elif resources.workers > 1:
        from audiodiff.system.workers import in_pool, worker_pool

        with worker_pool(resources.workers) as pool:
            yield in_pool(pool, partial(loading.vocode, settings))
    elif loading.compile or vocoder.device.type != "cpu":
        # The accelerator is shared anyway, and compiled code is made by one thread.
        with computing(n):
            yield one_by_one(lambda job: vocode_file(vocoder, job, settings, on_audio))
    else:
        with side_by_side(n) as each:
            yield ahead(vocoder, settings, on_audio, each, 2 * n)

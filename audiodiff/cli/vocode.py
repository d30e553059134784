"""`audiodiff vocode`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiodiff.cli.options import (
    Compile,
    Context,
    Device,
    InputsOrNone,
    MaxHours,
    ModelOption,
    NoProvenance,
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
    Watermark,
    Workers,
    finite,
)
from audiodiff.cli.terminal import console, run_in_words
from audiodiff.cli.vocode_files import Resources, vocode_files
from audiodiff.config import MAX_COUNT, MAX_HOURS
from audiodiff.errors import AudiodiffError
from audiodiff.system.index import indexing
from audiodiff.system.jobs import find_jobs
from audiodiff.system.standard import binary_streams

if TYPE_CHECKING:
    from audiodiff.pipelines.files import VocodeSettings
    from audiodiff.pipelines.vocoder import Vocoder

List = Annotated[
    Path | None,
    typer.Option(
        "--list",
        help="Text file that names the only files to vocode, one to a line, as paths below "
        "INPUT without suffix.",
        exists=True,
    ),
]
Scale = Annotated[
    str | None,
    typer.Option(
        help="Scale of the mels in the files, if it is not their preset's own: log10, decibels, "
        "int16 or amplitudes."
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Accept mels whose values look like those of another preset or scale."
    ),
]
BatchSize = Annotated[
    int, typer.Option(help="Number of pieces of a long file made at once.", min=1, max=MAX_COUNT)
]
Engine = Annotated[
    str,
    typer.Option(
        help="Engine of the workers: local, or ray on the cluster that RAY_ADDRESS names."
    ),
]
IndexFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.jsonl",
        help="JSON Lines file that gets a line for each result.",
        dir_okay=False,
    ),
]
Plot = Annotated[
    bool,
    typer.Option("--plot", help="Also draw the spectrograms, to a .png file beside each result."),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print the sampler, its times and their source.")
]
Stream = Annotated[
    str | None,
    typer.Option(
        help="Stream mel (float32, frame after frame) or audio (16-bit mono PCM) from standard "
        "input to 16-bit mono PCM on standard output; all little-endian."
    ),
]
Latency = Annotated[
    float,
    typer.Option(
        help="Longest wait of --stream for later input, in seconds.", min=0, callback=finite
    ),
]

OF_FILES = (
    "preset",
    "scale",
    "transpose",
    "force",
    "rate",
    "list_",
    "index",
    "plot",
    "overwrite",
    "max_hours",
    "no_provenance",
    "watermark",
    "batch_size",
    "workers",
    "engine",
)
"""Options that a stream would have to ignore."""


def vocode(
    context: Context,
    inputs: InputsOrNone = None,
    out: OutOrNone = None,
    list_: List = None,
    model: ModelOption = "default",
    steps: Steps = None,
    sampler: Sampler = None,
    seed: Seed = 0,
    preset: Preset = None,
    scale: Scale = None,
    transpose: Transpose = False,
    force: Force = False,
    rate: Rate = None,
    device: Device = "cpu",
    precision: Precision = "auto",
    compile: Compile = False,
    batch_size: BatchSize = 1,
    threads: Threads = None,
    workers: Workers = 1,
    engine: Engine = "local",
    index: IndexFile = None,
    plot: Plot = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
    max_hours: MaxHours = MAX_HOURS,
    no_provenance: NoProvenance = False,
    watermark: Watermark = False,
    stream: Stream = None,
    latency: Latency = 0.5,
) -> None:
    """Turn mels (.npy .npz .pt .safetensors) or audio (resynthesis) into wav files.

    Every file starts from the same seed, so its sound does not depend on the other files.
    """
    from audiodiff.data.corpus import read_ids
    from audiodiff.pipelines.files import INPUT_SUFFIXES, Loading, VocodeSettings
    from audiodiff.pipelines.vocoder import Vocoder

    resources = Resources(engine, workers, threads)
    resources.check()
    _check_usage(context, stream, bool(inputs), out is not None)
    names = None if list_ is None else read_ids(list_)
    jobs = [] if out is None else find_jobs(inputs or [], out, INPUT_SUFFIXES, ".wav", names)
    standard = None if stream is None else binary_streams()
    loading = Loading(model, device, precision, compile)
    vocoder = Vocoder.from_pretrained(*loading)
    settings = VocodeSettings(
        n_steps=steps,
        sampler=sampler,
        seed=seed,
        preset=preset,
        scale=scale,
        batch_size=batch_size,
        rate=rate,
        plot=plot,
        model=model,
        transpose=transpose,
        force=force,
        max_hours=max_hours,
        provenance=not no_provenance,
        watermark=watermark,
    )
    _check_run(vocoder, settings)
    if verbose:
        console.print(run_in_words(vocoder.model, settings.run))
    if stream is not None and standard is not None:
        from audiodiff.cli import stream as cli_stream
        from audiodiff.system.threads import computing

        # Its pieces are too short to share.
        with computing(1 if threads is None else threads):
            cli_stream.stream(vocoder, stream, latency, steps, sampler, seed, *standard)
        return
    if not force:
        _check_mels([job.source for job in jobs], vocoder, settings)
    with indexing(index) as notes:
        vocode_files(jobs, vocoder, loading, settings, resources, notes, overwrite=overwrite)


def _check_usage(context: Context, stream: str | None, has_inputs: bool, has_out: bool) -> None:
    """Refuses options that do not go together, before a model is loaded."""
    if stream is None:
        if not (has_inputs and has_out):
            raise AudiodiffError("give files or folders to vocode and --out, or --stream mel")
        return
    if has_inputs or has_out:
        raise AudiodiffError("--stream reads standard input; leave files and --out out")
    by_name = {option.name: option.opts[0] for option in context.command.params}
    given = [
        by_name[name]
        for name in OF_FILES
        if (source := context.get_parameter_source(name)) and source.name == "COMMANDLINE"
    ]
    if given:
        raise AudiodiffError(
            f"--stream takes no {', '.join(given)}: it reads the model's own mel or rate and "
            "writes at the model's rate; convert files first, or leave that out"
        )


def _check_run(vocoder: "Vocoder", settings: "VocodeSettings") -> None:
    """Refuses a run that the model cannot make, once for all files."""
    from audiodiff.mel.conversion import conversion_to
    from audiodiff.mel.scales import check_scale

    preset = settings.preset
    if preset is not None and (remark := conversion_to(vocoder.mel_config, preset).remark()):
        console.print(f"warning: {remark}")
    if settings.scale is not None:
        check_scale(settings.scale)
    vocoder.model.sampler(settings.run)


def _check_mels(paths: list[Path], vocoder: "Vocoder", settings: "VocodeSettings") -> None:
    """Refuses mels that together are of another preset or scale, and warns of a doubt."""
    from audiodiff.mel.files import MEL_SUFFIXES
    from audiodiff.pipelines.reading import verdict_on

    mels = [path for path in paths if path.suffix.lower() in MEL_SUFFIXES]
    if len(mels) < 2:
        return
    said = verdict_on(mels, vocoder, settings)
    if said is None:
        return
    sentence = said.about(f"{len(mels)} mels together, e.g. {mels[0]}")
    if said.certain:
        raise AudiodiffError(sentence)
    console.print(f"warning: {sentence}")

"""`audiodiff generate`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from audiodiff.cli.display import Display
from audiodiff.cli.options import (
    Device,
    ModelName,
    NoProvenance,
    Out,
    Overwrite,
    Precision,
    Sampler,
    Steps,
    Threads,
    Watermark,
    finite,
)
from audiodiff.cli.terminal import console, progress_bar, remark_on_skipped, report_outcome
from audiodiff.config import MAX_COUNT
from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import Job, check_file, check_writable, run_jobs

if TYPE_CHECKING:
    from audiodiff.conditioning.labels import LabelSets
    from audiodiff.pipelines.files import Made
    from audiodiff.pipelines.generated import Making, Sound
    from audiodiff.system.threads import Map


def generate(
    model: ModelName,
    out: Out,
    count: Annotated[
        int | None,
        typer.Option(
            "--count", "-n", help="Number of sounds; 8 if not given.", min=1, max=MAX_COUNT
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="Length of each sound in seconds. If not given, the model's own, or one second if "
            "it has none.",
            min=0.01,
            max=3600,
            callback=finite,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="Class of the sounds, e.g. seven; all classes in turn if neither --label nor "
            "--text is given. For a model with several kinds of label, give one of each kind, e.g. "
            "digit=seven; a kind that is left out may be anything.",
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(help='What the sounds are, in words, e.g. "a man says nine, quietly".'),
    ] = None,
    negative_text: Annotated[
        str | None,
        typer.Option(
            help="What the sounds should not be, in words. Guidance leads away from it, instead of "
            "from what the model makes without a text."
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            help="Folder of labelled clips. Sounds are made of every combination of labels among "
            "the clips in its train.txt, or among all its clips if it has no such list."
        ),
    ] = None,
    per_class: Annotated[
        int | None,
        typer.Option(
            help="Number of sounds of each combination of labels in --like.", min=1, max=MAX_COUNT
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="CSV file for the labels of sounds made with --like, in the form of labels.csv. "
            "If not given, labels.csv in --out, where train and prepare look for it."
        ),
    ] = None,
    steps: Steps = None,
    sampler: Sampler = None,
    guidance_scale: Annotated[
        float | None,
        typer.Option(
            help="Weight of the label or the text: 1 is the model as it was trained; greater "
            "weights follow the request more closely, with less variety. The model's default if "
            "not given.",
            callback=finite,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(help="Seed of the first sound; each later one adds 1.", min=0, max=MAX_COUNT),
    ] = 0,
    device: Device = "cpu",
    precision: Precision = "auto",
    batch_size: Annotated[
        int, typer.Option(help="Greatest number of sounds made at once.", min=1, max=MAX_COUNT)
    ] = 8,
    threads: Threads = None,
    overwrite: Overwrite = False,
    no_provenance: NoProvenance = False,
    watermark: Watermark = False,
) -> None:
    """Generate new sounds with a model that takes no mel."""
    from audiodiff.conditioning.text import text_asked
    from audiodiff.data.labelled import combinations
    from audiodiff.model.run import Run
    from audiodiff.pipelines.generated import Making, Sound
    from audiodiff.pipelines.generator import Generator
    from audiodiff.provenance.making import record_of
    from audiodiff.provenance.watermark import NAME

    check_writable(out)
    alone = count is None and not label and text is None
    wanted = _like(like, per_class, manifest, out, alone=alone)
    generator = Generator.from_pretrained(model, device, precision)
    rate = generator.sample_rate
    n_samples = generator.n_samples if seconds is None else round(seconds * rate)
    run = Run(sampler, steps, guidance_scale=guidance_scale, negative_text=negative_text)
    if wanted is None:
        asked, n = _asked(label, generator.labels, text), 8 if count is None else count
    elif not generator.labels:
        raise AudiodiffError(f"--like {like}: this model has no labels; choose one that has")
    else:
        asked = combinations(wanted.folder, generator.labels)
        n = wanted.per_class * len(asked)
    # What is wrong is said at once, even if all files are there already.
    generator.condition(asked[0], text)
    text_asked(negative_text, generator.n_bytes, "negative_text")
    generator.model.sampler(run)
    settings = {"seconds": n_samples / rate, "watermark": NAME if watermark else None}
    record = record_of(generator.model, model, run, settings)
    making = Making(generator, run, n_samples, record, batch_size, not no_provenance, watermark)
    sounds = {}
    for labels, own in zip(cycle(asked), range(seed, seed + n), strict=False):
        sound = Sound(labels, own, text)
        sounds[Job(Path(model), out / sound.name)] = sound
    _make_files(making, sounds, threads, wanted and wanted.manifest, overwrite=overwrite)


def _asked(
    given: Sequence[str] | None, sets: "LabelSets", text: str | None
) -> list[dict[str, str]]:
    """The labels of the sounds, which take them in turn."""
    if not given:
        in_turn = len(sets) == 1 and text is None
        return [{kind: name} for kind in sets for name in sets[kind]] if in_turn else [{}]
    named = (label if "=" in label else f"label={label}" for label in given)
    asked = dict(label.split("=", 1) for label in named)
    if len(asked) < len(given):
        raise AudiodiffError(
            f"--label {' --label '.join(given)}: give one label of each kind, such as "
            "--label digit=seven --label speaker=theo, and run it once for each set of labels"
        )
    return [asked]


class _Like(NamedTuple):
    """A set of sounds like a folder of labelled clips.

    Attributes:
        folder: The folder.
        per_class: Number of sounds of each combination of labels.
        manifest: File for the labels of the sounds.
    """

    folder: Path
    per_class: int
    manifest: Path


def _like(
    folder: Path | None, per_class: int | None, manifest: Path | None, out: Path, *, alone: bool
) -> _Like | None:
    """The set that is asked for, if one is.

    Args:
        folder: Folder of labelled clips.
        per_class: Number of sounds of each combination of labels.
        manifest: File for the labels of the sounds.
        out: Folder for the sounds.
        alone: Whether no other option says which sounds are made.
    """
    from audiodiff.data.labelled import TABLE_NAME

    if folder is None:
        for name, value in (("--per-class", per_class), ("--manifest", manifest)):
            if value is not None:
                raise AudiodiffError(f"{name} {value} goes with --like DIR; give that too")
        return None
    if per_class is None:
        raise AudiodiffError(f"--like {folder}: give --per-class, the number of sounds, too")
    if not alone:
        raise AudiodiffError(
            f"--like {folder} and --per-class say which sounds are made; give no --count, --label "
            "or --text"
        )
    like = _Like(folder, per_class, out / TABLE_NAME if manifest is None else manifest)
    for path in (out, like.manifest.parent):
        if folder.resolve() in (path.resolve(), *path.resolve().parents):
            raise AudiodiffError(f"{path} lies in --like {folder}; choose a folder outside it")
    check_file(like.manifest)
    return like


def _make_files(
    making: "Making",
    sounds: "dict[Job, Sound]",
    threads: int | None,
    manifest: Path | None,
    *,
    overwrite: bool,
) -> None:
    """Makes the files that are not there yet, shows progress, and reports the outcome."""
    from audiodiff.data.labelled import write_table
    from audiodiff.system.folders import name_below
    from audiodiff.system.threads import n_threads

    on_cpu = making.generator.model.device.type == "cpu"
    n = n_threads(threads)
    with progress_bar() as progress, _each(n, on_cpu=on_cpu) as each:
        display = Display(progress, len(sounds), "generating")

        def on_job(job: Job, made: "Made | None") -> None:
            if made is not None:
                display.on_audio(job, made.seconds, made.seconds)
                if made.remark:
                    console.print(made.remark)
            display.on_file()

        spread = making.files(sounds, each, n if on_cpu else 1)
        outcome = run_jobs(list(sounds), spread, overwrite=overwrite, on_job=on_job)
    if manifest is not None and (there := {*outcome.done, *outcome.skipped}):
        table = {
            name_below(job.target.parent, job.target): sound.labels
            for job, sound in sounds.items()
            if job.target in there
        }
        write_table(manifest, table)
    records = {job.target: sound.record(making.record) for job, sound in sounds.items()}
    n_others = remark_on_skipped({path: records[path] for path in outcome.skipped})
    report_outcome(outcome, display.meter.text(), n_others)


@contextmanager
def _each(n: int, *, on_cpu: bool) -> "Iterator[Map]":
    """Makes batches side by side, or one after another on an accelerator that they would share."""
    from audiodiff.system.threads import computing, side_by_side

    if on_cpu:
        with side_by_side(n) as each:
            yield each
    else:
        with computing(n):
            yield map

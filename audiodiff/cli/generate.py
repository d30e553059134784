"""`audiodiff generate`."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiodiff.cli.options import ModelName, Out, Overwrite, Steps, Threads, finite
from audiodiff.cli.terminal import console, progress_bar, remark_on_skipped, report_outcome
from audiodiff.config import MAX_COUNT
from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import Job, run_jobs

if TYPE_CHECKING:
    from audiodiff._types import Wave
    from audiodiff.conditioning.labels import LabelSets


def generate(
    model: ModelName,
    out: Out,
    count: Annotated[
        int, typer.Option("--count", "-n", help="Number of sounds.", min=1, max=MAX_COUNT)
    ] = 8,
    seconds: Annotated[
        float,
        typer.Option(help="Length of each sound in seconds.", min=0.01, max=3600, callback=finite),
    ] = 1.0,
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="Class of the sounds, e.g. seven; all classes in turn if not given. For a model "
            "with several kinds of label, one of each kind, e.g. digit=seven; a kind that is left "
            "out may be anything.",
        ),
    ] = None,
    steps: Steps = None,
    guidance_scale: Annotated[
        float | None,
        typer.Option(
            help="Weight of the label: 1 is the model as it was trained; greater weights follow "
            "the label more closely, with less variety. The model's default if not given.",
            callback=finite,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(help="Seed of the first sound; each later one adds 1.", min=0, max=MAX_COUNT),
    ] = 0,
    threads: Threads = None,
    overwrite: Overwrite = False,
) -> None:
    """Generate new sounds with a model that takes no mel."""
    from audiodiff.audio import io
    from audiodiff.conditioning.labels import labels_asked
    from audiodiff.model.run import Run
    from audiodiff.pipelines.generator import Generator
    from audiodiff.pipelines.records import record_of, recorded_name, written
    from audiodiff.system.jobs import check_writable
    from audiodiff.system.threads import n_threads, side_by_side

    check_writable(out)
    generator = Generator.from_pretrained(model)
    n_samples = round(seconds * generator.sample_rate)
    run = Run(n_steps=steps, guidance_scale=guidance_scale)
    record = record_of(generator.model, recorded_name(model), run, {"seconds": seconds})
    asked = _asked(label, generator.labels)
    labels_asked(asked[0], generator.labels)  # refuses unknown labels before any sound is made
    sounds = _sounds(model, out, asked, range(seed, seed + count))

    def make(job: Job) -> "Wave":
        chosen, n = sounds[job]
        return generator.generate(n_samples, chosen, steps, seed=n, guidance_scale=guidance_scale)

    def save(job: Job, wave: "Wave") -> None:
        samples = wave[0].cpu().numpy()
        n_clipped = io.save(job.target, samples, generator.sample_rate, comment=written(record))
        if n_clipped:
            console.print(f"{job.target}: {n_clipped} samples exceeded full scale, clipped")

    with progress_bar() as progress, side_by_side(n_threads(threads)) as each:
        task = progress.add_task("generating", total=count, note="")

        def spread(jobs: Sequence[Job]) -> Iterator[tuple[Job, Callable[[], None]]]:
            for job, wave in zip(jobs, each(make, jobs), strict=True):
                yield job, partial(save, job, wave)

        outcome = run_jobs(
            list(sounds),
            spread,
            overwrite=overwrite,
            on_job=lambda job, made: progress.advance(task),
        )
    remark_on_skipped(outcome, record)
    report_outcome(outcome, "")


def _asked(given: Sequence[str] | None, sets: "LabelSets") -> list[dict[str, str]]:
    """The labels of the sounds, which take them in turn."""
    if not given:
        return [{kind: name} for kind in sets for name in sets[kind]] if len(sets) == 1 else [{}]
    named = (label if "=" in label else f"label={label}" for label in given)
    asked = dict(label.split("=", 1) for label in named)
    if len(asked) < len(given):
        raise AudiodiffError(
            f"--label {' --label '.join(given)}: give one label of each kind, such as "
            "--label digit=seven --label speaker=theo"
        )
    return [asked]


def _sounds(
    model: str, out: Path, asked: Sequence[dict[str, str]], seeds: Sequence[int]
) -> dict[Job, tuple[dict[str, str], int]]:
    """A job for each sound, with its labels and its seed."""
    sounds = {}
    for seed, labels in zip(seeds, cycle(asked), strict=False):
        name = "-".join([*labels.values(), f"{seed:05}.wav"])
        sounds[Job(Path(model), out / name)] = labels, seed
    return sounds

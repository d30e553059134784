"""`audiodiff generate`."""

from typing import Annotated

import typer

from audiodiff.cli.options import ModelName, Out, Steps
from audiodiff.cli.terminal import console, progress_bar


def generate(
    model: ModelName,
    out: Out,
    count: Annotated[int, typer.Option("--count", "-n", help="Number of sounds.", min=1)] = 8,
    seconds: Annotated[
        float, typer.Option(help="Length of each sound in seconds.", min=0.01)
    ] = 1.0,
    label: Annotated[
        str | None,
        typer.Option(
            help="Class of the sounds, for a model with classes; all in turn if not given."
        ),
    ] = None,
    steps: Steps = None,
    guidance_scale: Annotated[
        float | None,
        typer.Option(
            help="How far the label is insisted on: 1 is the model as it was trained, more is "
            "truer to the label and less varied; the model's default if not given."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of the first sound; each later one adds 1.", min=0)
    ] = 0,
) -> None:
    """Generate new sounds with a model that takes no mel."""
    from audiodiff.audio import io
    from audiodiff.pipelines.generator import Generator

    generator = Generator.from_pretrained(model)
    n_samples = round(seconds * generator.sample_rate)
    named = [label] if label is not None else list(generator.labels or (None,))
    with progress_bar() as progress:
        for n in progress.track(range(count), description="generating", update_period=0.5):
            chosen = named[n % len(named)]
            made = generator.generate(
                n_samples, chosen, steps, seed=seed + n, guidance_scale=guidance_scale
            )
            wave = made[0].cpu().numpy()
            path = out / f"{'' if chosen is None else f'{chosen}-'}{seed + n:05}.wav"
            n_clipped = io.save(path, wave, generator.sample_rate)
            if n_clipped:
                console.print(f"{path}: {n_clipped} samples exceeded full scale, clipped")
    console.print(f"{count} written to {out}")

"""The ways of making digits that `digits.py` judges."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from audiodiff import Run
from audiodiff.diffusion.times import TIMES
from audiodiff.guidance import ClassifierFree, ClassifierGuidance
from audiodiff.pipelines.generator import Generator

GUIDANCES = {
    "free": "classifier-free",
    "everywhere": "classifier-free at all noise levels",
    "classifier": "by a classifier",
}
SCALES = {
    "free": (1.0, 1.5, 2.0, 3.0),
    "everywhere": (2.0,),
    "classifier": (2.0, 4.0, 8.0),
}
"""The scales of the model's own guidance, of the same without its interval, and by a classifier."""

OF_NOTHING = {
    "of nothing": Run(guidance=[]),
    "of nothing, 32 steps": Run(n_steps=32, guidance=[]),
    "of nothing, 64 steps of ddpm": Run("ddpm", 64, guidance=[]),
}
"""Runs without a label, whose few steps are the hardest."""

SAMPLERS = ("ddim", "dpm++2m")
STEPS = (4, 8, 16, 32)


@dataclass(frozen=True)
class Row:
    """A way of making sounds.

    Attributes:
        name: What the table calls it.
        labelled: Whether labels are asked for.
        run: The run, but for its seeds.
    """

    name: str
    labelled: bool
    run: Run


def name_of(kind: str, scale: float) -> str:
    """What the table calls a guidance at a scale."""
    return f"{GUIDANCES[kind]}, scale {scale:g}"


def rows_of(generator: Generator, classifier: Path, scale: float) -> Iterator[Row]:
    """All rows; times that a search found are compared with the model's rule and uniform ones."""
    for name, run in OF_NOTHING.items():
        yield Row(name, False, run)
    led = ClassifierGuidance(classifier=str(classifier))
    guidances = {"free": None, "everywhere": [ClassifierFree()], "classifier": [led]}
    for kind, guidance in guidances.items():
        for s in SCALES[kind]:
            yield Row(name_of(kind, s), True, Run(guidance=guidance, guidance_scale=s))
    model = generator.model
    rule = model.config.sampling.rule
    for sampler, n_steps in itertools.product(SAMPLERS, STEPS):
        runs = {
            name: TIMES[name](model.schedule, n_steps, None).tolist()
            for name in dict.fromkeys(("uniform", rule))
        }
        asked = {name: Run(sampler, times=times) for name, times in runs.items()}
        if (sampler, n_steps) in model.searched:
            asked["searched"] = Run(sampler, n_steps)  # with its coefficients, if it has some
        for origin, run in asked.items():
            run = replace(run, guidance_scale=scale)
            yield Row(f"{sampler}, {n_steps} steps, {origin}", True, run)

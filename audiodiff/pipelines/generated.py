"""New sounds as files, which say what made them."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Wave
from audiodiff.audio import io
from audiodiff.conditioning.parts import joined
from audiodiff.conditioning.text import normalised
from audiodiff.model.run import Run
from audiodiff.pipelines.files import Made
from audiodiff.pipelines.generator import Generator
from audiodiff.provenance import watermark
from audiodiff.provenance.files import tags_of
from audiodiff.provenance.record import Record
from audiodiff.system.jobs import Job, Spread
from audiodiff.system.memory import enough_memory
from audiodiff.system.threads import Map

MAX_NAME = 40
"""The most characters of a text in the name of a file."""


class Sound(NamedTuple):
    """What makes one of several sounds different from the others.

    Attributes:
        labels: The label of each kind that is asked for.
        seed: The seed of the noise.
        text: The text that is asked for; None for none.
    """

    labels: Mapping[str, str]
    seed: int
    text: str | None = None

    @property
    def name(self) -> str:
        """The name of its file: its labels, the beginning of its text and its seed."""
        words = "-".join(re.findall("[a-z0-9]+", (self.text or "").lower()))[:MAX_NAME].strip("-")
        named = [*self.labels.values(), *([words] if words else []), f"{self.seed:05}.wav"]
        return re.sub(r'[/\\:*?"<>|\0]', "_", "-".join(named))

    def record(self, shared: Record) -> Record:
        """Its record.

        Args:
            shared: The record that holds what it shares with the others.
        """
        text = {} if self.text is None else {"text": normalised(self.text)}
        values = {"labels": self.labels, "seed": self.seed, "settings": {**shared.settings, **text}}
        return shared.model_copy(update=values)


class Making(NamedTuple):
    """How several sounds are made.

    Attributes:
        generator: The generator.
        run: The run of each sound, but for its seed.
        n_samples: Length of each sound in samples.
        record: The record of all sounds, without labels, texts and seeds.
        batch_size: Greatest number of sounds made at once.
        provenance: Whether each file stores its record.
        watermark: Whether the sound itself is marked.
    """

    generator: Generator
    run: Run
    n_samples: int
    record: Record
    batch_size: int
    provenance: bool = True
    watermark: bool = False

    def files(self, sounds: Mapping[Job, Sound], each: Map, n_threads: int) -> Spread[Made]:
        """Makes the sounds of jobs, some at once, and writes each.

        Args:
            sounds: The sound of each job.
            each: Makes the batches, one after another or side by side.
            n_threads: Number of batches made at the same time.
        """

        def waves_of(jobs: Sequence[Job]) -> Wave:
            return self.waves(jobs[0].source, [sounds[job] for job in jobs])

        def spread(jobs: Sequence[Job]) -> Iterator[tuple[Job, Callable[[], Made]]]:
            # Few sounds are shared among all threads.
            size = max(1, min(self.batch_size, math.ceil(len(jobs) / n_threads)))
            groups = [jobs[first : first + size] for first in range(0, len(jobs), size)]
            for group, waves in zip(groups, each(waves_of, groups), strict=True):
                for job, wave in zip(group, waves, strict=True):
                    yield job, partial(self.save, job.target, wave, sounds[job])

        return spread

    def waves(self, source: Path, sounds: Sequence[Sound]) -> Wave:
        """Some sounds, made at once.

        Args:
            source: The model's name, for messages.
            sounds: The sounds, with labels of the same kinds, and all or none with a text.

        Raises:
            AudiodiffError: If a label does not exist, the model does not take a text, or memory
                runs out.
        """
        conds = [self.generator.condition(sound.labels, sound.text) for sound in sounds]
        run = replace(self.run, seed=tuple(sound.seed for sound in sounds))
        with enough_memory(source, "lower --batch-size or --seconds"):
            return self.generator.make(joined(conds), run, self.n_samples).cpu()

    def save(self, path: Path, wave: Float[Tensor, " samples"], sound: Sound) -> Made:
        """Writes a sound.

        Raises:
            OSError: If it cannot be written.
        """
        tags = tags_of(sound.record(self.record)) if self.provenance else None
        rate = self.generator.sample_rate
        samples = wave.numpy()
        if self.watermark:
            samples = watermark.add(samples, rate)
        n_clipped = io.save(path, samples, rate, tags=tags)
        clipped = f"{path}: {n_clipped} of {len(wave)} samples exceeded full scale, clipped"
        return Made(len(wave) / rate, clipped if n_clipped else None)

"""What edits of recordings in files share: their settings, and what each result says of itself."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff.audio.reader import MAX_PEAK, OR_ALLOW, SPLIT, SoundReader, opened
from audiodiff.audio.tags import Tags
from audiodiff.config import MAX_HOURS, Config, Hours, Seed, StepCount
from audiodiff.errors import AudiodiffError
from audiodiff.model.run import Run
from audiodiff.pipelines.gaps import Seconds
from audiodiff.pipelines.infill import Infill
from audiodiff.provenance.files import record_in, tags_of
from audiodiff.provenance.making import record_of
from audiodiff.provenance.record import Record, Setting, software
from audiodiff.provenance.spans import merged, together
from audiodiff.system.jobs import Job

OnParts: TypeAlias = Callable[[Job, int, int], None]
"""Takes a job, the number of its parts that are done, such as gaps, and that of all of them."""


class EditSettings(Config):
    """The settings by which recordings are edited; None stands for the model's own.

    Attributes:
        n_steps: Number of sampler steps of the mel.
        seed: Seed of the noise, the same for every part.
        max_hours: Length of the longest recording to read, in hours.
        model: Name of the model, for the record in each file.
        provenance: Whether each file stores what made it.
    """

    n_steps: StepCount | None = None
    seed: Seed = 0
    max_hours: Hours = MAX_HOURS
    model: str = ""
    provenance: bool = True

    def or_steps(self, n_steps: int) -> "EditSettings":
        """The same with a number of steps, if these name none."""
        return self.model_copy(update={"n_steps": self.n_steps or n_steps})

    def tags(
        self, infill: Infill | None, job: Job, spans: Sequence[Seconds], made: Mapping[str, Setting]
    ) -> Tags | None:
        """The record of an edit, with the synthetic parts that the recording had before it.

        Args:
            infill: What edits; None for an edit without a model.
            job: The recording and its result.
            spans: Start and end of the parts that are made, in seconds.
            made: What is done, by name.
        """
        if not self.provenance:
            return None
        earlier = record_in(job.source)
        synthetic = merged(spans) if earlier is None else together(spans, earlier.synthetic)
        if infill is None:
            record = Record(software=software(), settings=made, synthetic=synthetic)
            return tags_of(record, job.source)
        run = Run(n_steps=self.n_steps, seed=self.seed)
        return tags_of(record_of(infill.model, self.model, run, made, synthetic), job.source)

    def copied_tags(self, job: Job) -> Tags | None:
        """The record that a recording has already, for a copy of it; not signed again."""
        record = record_in(job.source) if self.provenance else None
        return None if record is None else tags_of(record)._replace(sign=None)

    def opened(self, path: Path) -> AbstractContextManager[SoundReader]:
        """The recording, which is read in parts."""
        return opened(path, self.max_hours, SPLIT + OR_ALLOW)


def read_part(sound: SoundReader, first: int, n: int) -> Float[Tensor, "channels n"]:
    """Samples of a recording; a file of floats may hold NaN.

    Raises:
        AudiodiffError: If it holds floats far beyond full scale.
    """
    part = sound.read(first, n, "float32").T.copy()
    peak = np.abs(part[np.isfinite(part)]).max(initial=0)
    if peak > MAX_PEAK:
        raise AudiodiffError(
            f"{sound.path} holds floats up to {peak:.0f}, though full scale is 1; divide them"
        )
    return torch.from_numpy(part)

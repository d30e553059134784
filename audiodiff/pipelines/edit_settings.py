"""What edits of recordings in files share: their form, their settings, and their records."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

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

FOUND = ("above_hz", "gain")
"""Settings in records of edits that the recordings tell."""

By_contra = TypeVar("By_contra", bound=Infill | None, contravariant=True)


class Edit(Protocol[By_contra]):
    """An edit of recordings in files, by a model or by none."""

    @property
    def parts(self) -> str:
        """Name of what its progress counts."""

    @property
    def made(self) -> Mapping[str, Setting]:
        """What is done, by name, for the record in each file."""

    @property
    def spans(self) -> Sequence[Seconds] | None:
        """Start and end in seconds of the parts that it makes; None if the recording tells."""

    @property
    def n_steps(self) -> int | None:
        """Number of sampler steps if the settings name none; None for the model's own."""

    def __call__(
        self, by: By_contra, job: Job, settings: "EditSettings", on_parts: OnParts, /
    ) -> str | None:
        """Edits one file.

        Args:
            by: What edits it.
            job: The recording and its result.
            settings: The settings.
            on_parts: Callback for parts that are done.

        Returns:
            A sentence for the user; None if there is nothing to say.

        Raises:
            AudiodiffError: If the file is bad, or the result cannot be written.
        """


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

    def steps(self, edit: Edit[By_contra]) -> int | None:
        """Number of sampler steps of an edit; None for the model's own."""
        return edit.n_steps if self.n_steps is None else self.n_steps

    def tags(
        self,
        edit: Edit[By_contra],
        by: By_contra,
        job: Job,
        spans: Sequence[Seconds],
        found: Mapping[str, Setting] | None = None,
    ) -> Tags | None:
        """The record of a result as it is stored; None if it is not.

        Args:
            edit: The edit.
            by: What edits.
            job: The recording and its result.
            spans: Start and end of the parts that are made, in seconds.
            found: What the recording tells of what is done, by name.
        """
        if not self.provenance:
            return None
        record = self.record(edit, by, job, spans)
        settings = {**record.settings, **(found or {})}
        return tags_of(record.model_copy(update={"settings": settings}), job.source)

    def record(
        self, edit: Edit[By_contra], by: By_contra, job: Job, spans: Sequence[Seconds]
    ) -> Record:
        """The record of a result, with the synthetic parts that the recording had before it."""
        earlier = record_in(job.source)
        synthetic = merged(spans) if earlier is None else together(spans, earlier.synthetic)
        if by is None:
            return Record(software=software(), settings=edit.made, synthetic=synthetic)
        run = Run(n_steps=self.steps(edit), seed=self.seed)
        return record_of(by.model, self.model, run, edit.made, synthetic)

    def expected(self, edit: Edit[By_contra], by: By_contra, job: Job) -> Record | None:
        """The record that an edit would give to a result, but for what the recording tells.

        Returns:
            The record, whose synthetic parts mean nothing if the recording tells them; None if the
            result that is there has the record of the recording, of which it is a copy.
        """
        there = record_in(job.target)
        if there is not None and there == record_in(job.source):
            return None
        return self.record(edit, by, job, [(0.0, 1.0)] if edit.spans is None else edit.spans)

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

"""Times that searches found for a model: ``schedules.json`` in its directory or the user's."""

import hashlib
import json
from pathlib import Path
from typing import Annotated

from platformdirs import user_data_path
from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from audiodiff.config import MAX_STEPS, Config
from audiodiff.diffusion.times import check_times
from audiodiff.errors import AudiodiffError
from audiodiff.model.hub import is_own
from audiodiff.model.weights import WEIGHTS_NAME
from audiodiff.samplers.linear_multistep import LinearMultistep
from audiodiff.system.atomic import replacing
from audiodiff.system.documents import read_json

Row = Annotated[tuple[Annotated[float, Field(ge=-1e6, le=1e6)], ...], Field(max_length=MAX_STEPS)]
"""The coefficients of a step."""

TIMES_NAME = "schedules.json"
"""File of the times found for a model; its name is from before they were called times."""


class Found(Config):
    """The best known times for one sampler and number of steps.

    Attributes:
        sampler: Name of the sampler.
        times: Times of the run, falling from at most 1 to 0.
        coefficients: Weights of the estimates at each step, see `LinearMultistep`, which takes the
            sampler's place; None for the sampler itself.
        method: Name of the search.
        pesq_wb: Mean PESQ on the judging clips; None if it could not be computed.
        estoi: Mean ESTOI on the judging clips, where it decided instead of PESQ.
        mel_mae: Mean log-mel error on the judging clips, in nepers.
        clips: Number of judging clips, which the search did not hear.
        data: Names of the folders of the clips.
        split: Split of the clips.
        calls: Number of network calls that the search made, each for one clip.
        seed: Seed of the noise and of the search.
        weights: Digest of the model's weights, see `weights_digest`.
    """

    sampler: str
    times: tuple[float, ...]
    coefficients: Annotated[tuple[Row, ...], Field(max_length=MAX_STEPS)] | None = None
    method: str
    pesq_wb: float | None
    mel_mae: float
    estoi: float | None = None
    clips: PositiveInt
    data: tuple[str, ...]
    split: str
    calls: NonNegativeInt
    seed: NonNegativeInt
    weights: str

    @field_validator("times")
    @classmethod
    def _fall(cls, times: tuple[float, ...]) -> tuple[float, ...]:
        check_times(times)
        return times

    @model_validator(mode="after")
    def _row_for_each_step(self) -> "Found":
        if self.coefficients is not None:
            LinearMultistep(self.coefficients)  # which refuses rows that are too long
            if len(self.coefficients) != self.n_steps:
                raise ValueError(
                    f"coefficients for {len(self.coefficients)} steps, times for {self.n_steps}"
                )
        return self

    @model_validator(mode="after")
    def _judged(self) -> "Found":
        if self.pesq_wb is None and self.estoi is None:
            raise ValueError("it has neither pesq_wb nor estoi")
        return self

    @property
    def score_in_words(self) -> str:
        """The score that decided, with its name."""
        return f"ESTOI {self.estoi:.3f}" if self.pesq_wb is None else f"PESQ {self.pesq_wb:.3f}"

    @property
    def n_steps(self) -> int:
        """Number of sampler steps."""
        return len(self.times) - 1


def steps_in_words(n_steps: int) -> str:
    """A number of steps as people write it.

    >>> steps_in_words(1), steps_in_words(2)
    ('1 step', '2 steps')
    """
    return f"{n_steps} step{'' if n_steps == 1 else 's'}"


FoundTimes = dict[tuple[str, int], Found]
"""Times found, by sampler and number of steps."""


def weights_digest(directory: Path) -> str:
    """Twelve hexadecimal digits that identify the weights of a model directory."""
    return weights_sha256(directory)[:12]


def weights_sha256(directory: Path) -> str:
    """The SHA-256 digest of the weights of a model directory, in hexadecimal digits."""
    return hashlib.sha256((directory / WEIGHTS_NAME).read_bytes()).hexdigest()


def user_times() -> Path:
    """The user's folder for times of models that are not the user's own, a folder per digest."""
    return user_data_path("audiodiff") / "times"


def times_folder(directory: Path) -> Path:
    """The folder for new times of a model: its own directory, or one in `user_times`."""
    return directory if is_own(directory) else user_times() / weights_digest(directory)


def times_files(directory: Path, digest: str) -> list[Path]:
    """The files that hold times for a model, its own directory's first.

    Args:
        directory: Directory of the model.
        digest: Digest of its weights.
    """
    folders = directory, user_times() / digest
    return [file for folder in folders if (file := folder / TIMES_NAME).is_file()]


def read_times(path: Path, digest: str) -> FoundTimes:
    """The times in a file, without those found for other weights; none if there is no file.

    Args:
        path: Path of a ``schedules.json``.
        digest: Digest of the weights.

    Raises:
        AudiodiffError: If the file is damaged.
    """
    if not path.is_file():
        return {}
    remedy = "delete it and search again"
    entries = read_json(path, remedy)
    if not isinstance(entries, list):
        raise AudiodiffError(f"{path} is damaged (it holds no list); {remedy}")
    try:
        found = [Found.parse(entry, "an entry") for entry in entries]
    except AudiodiffError as error:
        raise AudiodiffError(f"{path} is damaged ({error}); {remedy}") from error
    return {(f.sampler, f.n_steps): f for f in found if f.weights == digest}


def load_times(directory: Path) -> FoundTimes:
    """The times found for the weights in a directory, stored there or in the user's folder.

    If both have times for one sampler and number of steps, those in the place where searches of
    this directory store theirs are used: they beat the others, or were stored by force.

    Raises:
        AudiodiffError: If a file is damaged.
    """
    stored = (directory / TIMES_NAME).is_file() or any(user_times().glob(f"*/{TIMES_NAME}"))
    if not stored:  # hashing the weights would take time for nothing
        return {}
    digest, best = weights_digest(directory), FoundTimes()
    files = times_files(directory, digest)
    for path in reversed(files) if is_own(directory) else files:
        best |= read_times(path, digest)
    return best


def forget_times(directory: Path) -> dict[Path, FoundTimes]:
    """Deletes the times found for a model, with their plots, except those that came with it.

    Returns:
        The deleted times, by the file that held them.

    Raises:
        AudiodiffError: If a file is damaged or cannot be deleted.
    """
    digest, forgotten = weights_digest(directory), {}
    for path in times_files(directory, digest):
        if path.parent != directory or is_own(directory):
            forgotten[path] = read_times(path, digest)
            try:
                path.unlink()
                path.with_suffix(".png").unlink(missing_ok=True)
            except OSError as error:
                raise AudiodiffError(
                    f"cannot delete {path} ({error.strerror}); check its permissions"
                ) from error
    return forgotten


def save_times(folder: Path, found: FoundTimes) -> None:
    """Writes ``schedules.json`` into a folder, whole or not at all."""
    entries = [found[key].model_dump(mode="json") for key in sorted(found)]
    with replacing(folder / TIMES_NAME) as temporary:
        temporary.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")

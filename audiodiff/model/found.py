"""Times that a search found for a model: ``schedules.json`` in its directory."""

import hashlib
import json
from pathlib import Path

from pydantic import NonNegativeInt, PositiveInt, field_validator

from audiodiff.config import Config
from audiodiff.diffusion.times import check_times
from audiodiff.errors import AudiodiffError
from audiodiff.model.weights import WEIGHTS_NAME
from audiodiff.system.atomic import replacing

SCHEDULES_NAME = "schedules.json"


class Found(Config):
    """The best times that are known for one sampler and number of steps.

    Attributes:
        sampler: Its name.
        times: Falling from noise to 0.
        method: The search.
        pesq_wb: Their mean on the clips that candidates were compared on.
        mel_mae: The same of the log-mel error, in nepers.
        clips: How many, none of which was searched on.
        data: Names of the folders that those came from.
        split: Their split.
        calls: Of the network that the search took, of one clip each.
        seed: Of noise and crops.
        weights: What `weights_digest` gave.
    """

    sampler: str
    times: tuple[float, ...]
    method: str
    pesq_wb: float
    mel_mae: float
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

    @property
    def n_steps(self) -> int:
        """Of the run."""
        return len(self.times) - 1


Schedules = dict[tuple[str, int], Found]
"""By sampler and number of steps."""


def weights_digest(directory: Path) -> str:
    """Twelve digits that no other weights have."""
    return hashlib.sha256((directory / WEIGHTS_NAME).read_bytes()).hexdigest()[:12]


def load_schedules(directory: Path) -> Schedules:
    """What was found for the weights that lie there; nothing of other weights.

    Raises:
        AudiodiffError: If the file is damaged.
    """
    path = directory / SCHEDULES_NAME
    if not path.is_file():
        return {}
    digest = weights_digest(directory)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        found = [Found.model_validate(entry) for entry in entries]
    except ValueError as error:
        raise AudiodiffError(
            f"{path} is damaged ({str(error).splitlines()[0]}); delete it and search again"
        ) from error
    return {(f.sampler, f.n_steps): f for f in found if f.weights == digest}


def save_schedules(directory: Path, schedules: Schedules) -> None:
    """Writes them, whole or not at all."""
    entries = [schedules[key].model_dump(mode="json") for key in sorted(schedules)]
    with replacing(directory / SCHEDULES_NAME) as temporary:
        temporary.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")

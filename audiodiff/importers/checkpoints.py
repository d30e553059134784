"""Checkpoints of other projects as they lie on disk."""

from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import Tensor

from audiodiff.errors import AudiodiffError
from audiodiff.system.untrusted import DAMAGED, load_torch, why

Weights = dict[str, Tensor]
"""Weights by name."""


def read_plain(path: Path, what: str) -> Any:
    """What torch saved, if it is plain data and tensors; nothing in it is executed.

    Args:
        path: The file.
        what: It should be, for messages.

    Raises:
        AudiodiffError: If the file is missing, damaged or holds more than that.
    """
    if not path.is_file():
        raise AudiodiffError(f"{path}: no such {what}; check the path")
    try:
        return load_torch(path)
    except DAMAGED as error:
        raise AudiodiffError(
            f"{path} cannot be read weights-only ({why(error)}); fetch it again"
        ) from error


def read_checkpoint(path: Path) -> dict[Any, Any]:
    """The dictionary of a checkpoint, see `read_plain`.

    Raises:
        AudiodiffError: If the file is none.
    """
    found = read_plain(path, "checkpoint")
    if not isinstance(found, dict):
        raise AudiodiffError(
            f"{path} holds a {type(found).__name__}, not a checkpoint's dictionary"
        )
    return found


def is_weights(found: Any) -> TypeGuard[Weights]:
    """Whether these are weights by name."""
    return isinstance(found, dict) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()
    )


def linear_betas(n: int, last: float) -> list[float]:
    """DiffWave's training schedules, from 1e-4 to ``last``."""
    return torch.linspace(1e-4, last, n, dtype=torch.float64).tolist()

"""Reading the checkpoints of other projects."""

from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import Tensor

from audiodiff.errors import AudiodiffError
from audiodiff.system.untrusted import DAMAGED, load_torch, why

Weights = dict[str, Tensor]
"""A network's weights by their names."""


def read_plain(path: Path, what: str) -> Any:
    """Reads tensors and plain data that torch has saved; nothing in the file is executed.

    Args:
        path: File to read.
        what: What the file should be, for messages.

    Raises:
        AudiodiffError: If the file is missing or damaged, or holds anything else.
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
    """Reads a checkpoint that is a dictionary, by `read_plain`.

    Raises:
        AudiodiffError: If the file cannot be read or is not a dictionary.
    """
    found = read_plain(path, "checkpoint")
    if not isinstance(found, dict):
        raise AudiodiffError(
            f"{path} holds a {type(found).__name__}, not a checkpoint's dictionary"
        )
    return found


def is_weights(found: Any) -> TypeGuard[Weights]:
    """Whether a value is a dictionary of tensors by name."""
    return isinstance(found, dict) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()
    )


def linear_betas(n: int, last: float) -> list[float]:
    """A training schedule of DiffWave: ``n`` betas from 1e-4 to ``last``."""
    return torch.linspace(1e-4, last, n, dtype=torch.float64).tolist()

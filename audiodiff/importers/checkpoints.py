"""Reading the checkpoints of other projects."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeGuard

import torch
from pydantic import ConfigDict
from torch import Tensor

from audiodiff.config import Config, named
from audiodiff.errors import AudiodiffError
from audiodiff.model.weights import FLOATS, without_wrappers
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


def weights_of(found: Any, path: Path, what: str) -> Weights:
    """Weights by name, without the prefixes that wrappers of modules add.

    Args:
        found: Plain data from a checkpoint.
        path: File of the checkpoint, for messages.
        what: What the weights should be, for messages.

    Raises:
        AudiodiffError: If there are no tensors by name, or one is not a plain array of floats.
    """
    if not is_weights(found):
        raise AudiodiffError(f"{path} holds no {what}: no weights by name")
    for name, tensor in found.items():
        if not is_plain(tensor):
            raise AudiodiffError(
                f"{path}: {named(name)} is not an array of floats that the file holds whole (its "
                f"type is {str(tensor.dtype).removeprefix('torch.')}); fetch the checkpoint again"
            )
    return without_wrappers(found, path)


def is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is an array of floats that are all in the file."""
    if tensor.layout != torch.strided or tensor.is_nested or tensor.device.type != "cpu":
        return False
    n_bytes = tensor.numel() * tensor.element_size()
    # One with strides of 0 may stand for more than a machine holds.
    stored = tensor.untyped_storage().nbytes() >= n_bytes
    return tensor.dtype in FLOATS and tensor.ndim > 0 and stored


@contextmanager
def shape_errors(path: Path) -> Iterator[None]:
    """Reports weights whose shapes do not fit each other, where they are joined or divided.

    Raises:
        AudiodiffError: If the block raises an error of torch's.
    """
    try:
        yield
    except (RuntimeError, IndexError) as error:
        reason = str(error).splitlines()[0]
        raise AudiodiffError(
            f"{path} holds weights whose shapes do not fit each other ({reason}); fetch the "
            "checkpoint again"
        ) from error


class Params(Config):
    """Settings from the ``params`` of LMNT's checkpoints; others there are ignored.

    Attributes:
        noise_schedule: Betas of the training schedule.
        inference_noise_schedule: Betas of the default run.
        dilation_cycle_length: Layers after which dilations repeat.
        sample_rate: Sample rate in Hz.
        n_mels: Bands of the mel.
        n_fft: Length of the mel's transform, in samples.
        hop_samples: Samples between frames.
    """

    model_config = ConfigDict(extra="ignore")

    noise_schedule: tuple[float, ...] | None = None
    inference_noise_schedule: tuple[float, ...] | None = None
    dilation_cycle_length: int | None = None
    sample_rate: int | None = None
    n_mels: int | None = None
    n_fft: int | None = None
    hop_samples: int | None = None


def linear_betas(n: int, last: float) -> list[float]:
    """A training schedule of DiffWave: ``n`` betas from 1e-4 to ``last``."""
    return torch.linspace(1e-4, last, n, dtype=torch.float64).tolist()

"""Mels as files: ``.npy``, ``.npz``, ``.pt`` (weights only) and ``.safetensors``."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from safetensors.torch import load_file
from torch import Tensor

from audiodiff.errors import AudiodiffError
from audiodiff.system.atomic import replacing
from audiodiff.system.untrusted import DAMAGED, load_torch, why

MEL_SUFFIXES = frozenset({".npy", ".npz", ".pt", ".safetensors"})


def load_mel(path: Path) -> Shaped[Tensor, "n_mels frames"]:
    """Reads one mel; nothing in the file is ever executed.

    A file of named arrays must hold one array alone, or one named ``mel``. An outer axis of length
    one is dropped.

    Raises:
        AudiodiffError: If the file is missing, damaged or not a mel, or holds several.
    """
    if not path.is_file():
        raise AudiodiffError(f"{path}: no such file")
    try:
        found = _read(path)
    except DAMAGED as error:
        raise AudiodiffError(
            f"{path} cannot be read as a mel ({why(error)}); check the file or write it again"
        ) from error
    mel = _only(found, path) if isinstance(found, dict) else found
    if not isinstance(mel, Tensor) or mel.layout != torch.strided:
        raise AudiodiffError(f"{path} holds a {type(mel).__name__}; save the mel as one array")
    if mel.ndim == 3 and len(mel) == 1:
        mel = mel[0]
    if mel.ndim != 2:
        raise AudiodiffError(f"{path} has shape {tuple(mel.shape)} but must be (n_mels, frames)")
    return mel


def _read(path: Path) -> Any:
    match path.suffix.lower():
        case ".npy":
            # Not np.load, whose error for other files advises to allow pickle.
            with path.open("rb") as file:
                return torch.from_numpy(np.lib.format.read_array(file, allow_pickle=False))
        case ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return {name: torch.from_numpy(archive[name]) for name in archive.files}
        case ".pt":
            return load_torch(path)
        case ".safetensors":
            return load_file(path)
        case suffix:
            raise ValueError(f"unknown suffix {suffix!r}, not one of {sorted(MEL_SUFFIXES)}")


def _only(arrays: dict[str, Any], path: Path) -> Any:
    if "mel" in arrays:
        return arrays["mel"]
    if len(arrays) != 1:
        raise AudiodiffError(
            f"{path} holds {len(arrays)} arrays ({', '.join(map(str, arrays))}); name one 'mel'"
        )
    return next(iter(arrays.values()))


def save_mel(path: Path, mel: Float[Tensor, "n_mels frames"]) -> None:
    """Writes a ``.npy`` of float32, (n_mels, frames), whole or not at all."""
    # In memory first: numpy does not report why a disk refuses.
    encoded = io.BytesIO()
    np.save(encoded, mel.cpu().numpy().astype(np.float32))
    with replacing(path) as temporary:
        temporary.write_bytes(encoded.getbuffer())

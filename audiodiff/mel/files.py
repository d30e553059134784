"""Mels as files: ``.npy``, ``.npz``, ``.pt`` (weights only) and ``.safetensors``."""

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from audiodiff.config import MAX_HOURS
from audiodiff.errors import AudiodiffError
from audiodiff.mel.padding import padding_of
from audiodiff.mel.stored import KINDS, READERS, Arrays, Stored
from audiodiff.system.atomic import replacing
from audiodiff.system.untrusted import DAMAGED, why

MEL_SUFFIXES = frozenset(READERS)

FLOATS = tuple(KINDS.values())
"""Types that the values of a mel may have."""

MAX_BYTES = 2**30
"""Largest size in memory of a file's mel, in bytes: more than `MAX_HOURS` in float32."""

IN_PARTS = "save the mel in parts, as float32 or float16"
"""What to do with a mel that is too large."""

NAMES_SHOWN = 4


def bytes_of(max_hours: float) -> int:
    """The largest size in memory of a mel that may last so long: `MAX_BYTES` for `MAX_HOURS`."""
    return round(MAX_BYTES * max_hours / MAX_HOURS)


def load_mel(
    path: str | Path, transpose: bool = False, max_bytes: int = MAX_BYTES, remedy: str = IN_PARTS
) -> Shaped[Tensor, "n_mels frames"]:
    """Reads one mel; nothing in the file is ever executed.

    A file of named arrays must hold a single array, or one named ``mel``; no other is read. The
    mels of a batch, or of a list in a ``.pt``, are joined in order; a padded batch is refused.

    Args:
        path: The file.
        transpose: Whether the file holds (frames, n_mels).
        max_bytes: Largest size of the mel in memory, in bytes, checked before it is read.
        remedy: Advice to the user about a larger one.

    Raises:
        AudiodiffError: If the file is missing, damaged, too large or not a mel, or holds several
            that cannot be joined.
    """
    path = Path(path)
    if not path.is_file():
        raise AudiodiffError(f"{path}: no such file")
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise AudiodiffError(f"{path} has none of the suffixes {', '.join(sorted(MEL_SUFFIXES))}")
    try:
        with READERS[suffix](path) as arrays:
            stored = _only(arrays, path)
            _check(stored, path, max_bytes, remedy)
            mels = [mel for one in stored for mel in _mels_of(one.read(), transpose, path)]
    except AudiodiffError:
        raise
    except DAMAGED as error:
        raise AudiodiffError(
            f"{path} cannot be read as a mel ({why(error)}); check the file or write it again"
        ) from error
    return _joined(mels, path)


def _only(arrays: Arrays, path: Path) -> list[Stored]:
    """The array named ``mel``, or the only one."""
    if "mel" in arrays:
        return arrays["mel"]()
    if len(arrays) != 1:
        shown = ", ".join(repr(name[:40]) for name in list(arrays)[:NAMES_SHOWN])
        more = ", ..." if len(arrays) > NAMES_SHOWN else ""
        raise AudiodiffError(
            f"{path} holds {len(arrays)} arrays ({shown}{more}); name one of them 'mel'"
        )
    return next(iter(arrays.values()))()


def _check(stored: Sequence[Stored], path: Path, max_bytes: int, remedy: str) -> None:
    """Refuses arrays by their types and sizes."""
    for one in stored:
        if one.kind not in FLOATS:
            raise AudiodiffError(
                f"{path} is {one.kind}; save the mel as a plain array of {' or '.join(FLOATS)}, in "
                "its preset's units"
            )
        if len(one.shape) not in (2, 3):
            raise AudiodiffError(f"{path} has shape {one.shape} but must be (n_mels, frames)")
        # The items of such a batch take no bytes in the file, but there may be any number.
        if len(one.shape) == 3 and math.prod(one.shape) == 0:
            raise AudiodiffError(
                f"{path} is a batch of shape {one.shape}, which holds no values; save mels of "
                "(n_mels, frames)"
            )
    size = sum(math.prod(one.shape) * getattr(torch, one.kind).itemsize for one in stored)
    if size > max_bytes:
        raise AudiodiffError(
            f"{path} holds {size / 2**20:.1f} MiB of values and the limit is "
            f"{max_bytes / 2**20:.1f}; {remedy}"
        )


def _mels_of(given: Tensor, transpose: bool, path: Path) -> list[Tensor]:
    """The items of a batch, or a single mel, as (n_mels, frames)."""
    mel = given.mT if transpose else given
    if mel.ndim == 2:
        return [mel]
    if padding := padding_of(mel):
        raise AudiodiffError(
            f"{path} looks like a padded batch: {padding}; save mels cut to their lengths, as a "
            "list in a .pt or in a file each"
        )
    return list(mel)


def _joined(mels: Sequence[Tensor], path: Path) -> Tensor:
    """Mels one after the other; most files hold one."""
    bands = sorted({len(mel) for mel in mels})
    if len(bands) != 1:
        found = "no mel" if not bands else f"mels of {bands[0]} to {bands[-1]} bands"
        raise AudiodiffError(
            f"{path} holds {found}; save mels of (n_mels, frames), or give --transpose if they are "
            "(frames, n_mels)"
        )
    return mels[0] if len(mels) == 1 else torch.cat(list(mels), 1)


def save_mel(path: str | Path, mel: Float[Tensor, "n_mels frames"]) -> None:
    """Writes a ``.npy`` of float32, (n_mels, frames), whole or not at all."""
    # In memory first: numpy does not report why a disk refuses.
    encoded = io.BytesIO()
    np.save(encoded, mel.cpu().numpy().astype(np.float32))
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(encoded.getbuffer())

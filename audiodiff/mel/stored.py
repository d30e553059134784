"""The arrays in mel files, described by their headers before their values are read."""

import math
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from audiodiff.system.untrusted import load_torch, open_safetensors


class Stored(NamedTuple):
    """An array in an open file.

    Attributes:
        kind: Its type, such as ``float32``, after its layout if that is not plain.
        shape: Its shape.
        read: Reads its values.
    """

    kind: str
    shape: tuple[int, ...]
    read: Callable[[], Tensor]


Arrays: TypeAlias = Mapping[str, Callable[[], list[Stored]]]
"""What a file holds under each name: one array, or the arrays of a list."""


@contextmanager
def _npy(path: Path) -> Iterator[Arrays]:
    yield {"mel": lambda: [_numpy_array(partial(path.open, "rb"), path.stat().st_size)]}


@contextmanager
def _npz(path: Path) -> Iterator[Arrays]:
    with zipfile.ZipFile(path) as archive:
        yield {
            info.filename.removesuffix(".npy"): partial(_npz_array, archive, info)
            for info in archive.infolist()
        }


def _npz_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> list[Stored]:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("it is compressed as numpy never does")
    return [_numpy_array(partial(archive.open, info), info.file_size)]


HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""Readers of numpy's headers by version; version 3 is for names that an array of floats lacks."""


def _numpy_array(opened: Callable[[], Any], n_bytes: int) -> Stored:
    """An array in numpy's format, in a file or a member of an archive of ``n_bytes``."""
    with opened() as file, _quiet():
        version = np.lib.format.read_magic(file)
        if version not in HEADERS:
            raise ValueError(f"version {version} of numpy's format is not for arrays of floats")
        shape, _, dtype = HEADERS[version](file)
        claimed, held = math.prod(shape) * dtype.itemsize, n_bytes - file.tell()
    sizes = (0, *shape)
    # A size beyond numpy's own integers claims nothing beside a size of 0.
    if min(sizes) < 0 or max(sizes) > np.iinfo(np.int64).max or claimed > held:
        raise ValueError(f"its header claims shape {shape}, but {held} bytes of values follow")
    return Stored(dtype.name, tuple(shape), lambda: _numpy_values(opened))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without numpy's advice to save a file of Python 2 again, which is read as any other."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Reading `.npy` or `.npz` file", UserWarning)
        yield


def _numpy_values(opened: Callable[[], BinaryIO]) -> Tensor:
    # Not np.load, whose error for other files advises to allow pickle.
    with opened() as file, _quiet():
        values = np.lib.format.read_array(file, allow_pickle=False)
    return torch.from_numpy(values.astype(values.dtype.newbyteorder("="), copy=False))


@contextmanager
def _pt(path: Path) -> Iterator[Arrays]:
    found = load_torch(path)
    named = found if isinstance(found, dict) else {"mel": found}
    yield {str(name): partial(_tensors, value) for name, value in named.items()}


def _tensors(value: Any) -> list[Stored]:
    values = value if isinstance(value, list | tuple) else [value]
    for one in values:
        if not isinstance(one, Tensor):
            raise ValueError(f"it holds a {type(one).__name__} instead of an array")
    return [_tensor(one) for one in values]


def _tensor(tensor: Tensor) -> Stored:
    layout = "nested" if tensor.is_nested else str(tensor.layout).removeprefix("torch.")
    if tensor.is_meta:
        layout = "meta"
    kind = str(tensor.dtype).removeprefix("torch.")
    if layout != "strided":
        return Stored(f"{layout} {kind}", (), tensor.clone)
    # Copied only now: many places of the tensor may share one value.
    return Stored(kind, tuple(tensor.shape), lambda: tensor.detach().clone().contiguous())


@contextmanager
def _safetensors(path: Path) -> Iterator[Arrays]:
    with open_safetensors(path) as file:
        yield {name: partial(_safetensor, file, name) for name in file.keys()}  # noqa: SIM118


KINDS = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
"""Types by their names in the safetensors format."""


def _safetensor(file: Any, name: str) -> list[Stored]:
    header = file.get_slice(name)
    kind = header.get_dtype()
    return [Stored(KINDS.get(kind, kind), tuple(header.get_shape()), lambda: file.get_tensor(name))]


READERS: Mapping[str, Callable[[Path], AbstractContextManager[Arrays]]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".pt": _pt,
    ".safetensors": _safetensors,
}
"""What opens a file of each suffix; raises one of `DAMAGED` for a file that is damaged."""

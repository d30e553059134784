"""Files from elsewhere: read without executing anything, and damage reported in a few words."""

import pickle
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from audiodiff.errors import in_unicode

MAX_REASON = 300
"""The most characters of a reason, as some errors quote the file."""

DAMAGED: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zlib.error,
    zipfile.BadZipFile,
    pickle.UnpicklingError,
    SafetensorError,
)
"""What the readers of numpy, torch and safetensors raise at damaged or forged files."""


def load_torch(path: Path) -> Any:
    """Reads a ``.pt`` file of tensors and plain data; raises one of `DAMAGED` for any other.

    Tensors stay in the file, from which their values are read where they are used.
    """
    mapped = zipfile.is_zipfile(path)  # older files are not
    if mapped:
        with zipfile.ZipFile(path) as archive:
            if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
                raise ValueError("it is compressed, as torch never does")
    with warnings.catch_warnings(), _in_utf8(path) as name:
        # torch warns of how the file was pickled, which a reader cannot change.
        warnings.simplefilter("ignore")
        return torch.load(name, map_location="cpu", weights_only=True, mmap=mapped)


@contextmanager
def open_safetensors(path: Path) -> Iterator[Any]:
    """Opens a ``.safetensors`` file; raises one of `DAMAGED` for any other."""
    with _in_utf8(path) as name, safe_open(name, "pt") as file:
        yield file


@contextmanager
def _in_utf8(path: Path) -> Iterator[Path]:
    """A name of the file for libraries that open no other: its descriptor's, if need be."""
    if in_unicode(str(path)) == str(path):
        yield path
        return
    with path.open("rb") as file:
        yield Path(f"/dev/fd/{file.fileno()}")


def why(error: Exception) -> str:
    """A short reason from one of `DAMAGED`."""
    if isinstance(error, pickle.UnpicklingError):
        # torch's message advises to allow the file's code to run.
        return "it is no torch file, or holds more than tensors and plain data"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error) or type(error).__name__).splitlines()[0][:MAX_REASON].rstrip(".")

"""Files from elsewhere: read without executing anything, and damage told in a few words."""

import pickle
import struct
import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

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
"""What the readers of numpy, torch and safetensors raise at bytes that were tampered with."""


def load_torch(path: Path) -> Any:
    """A ``.pt`` file of tensors and plain data; raises one of `DAMAGED` at anything else."""
    with warnings.catch_warnings():
        # torch's remarks on how the file was pickled help nobody who only reads it.
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True)


def why(error: Exception) -> str:
    """A short reason from one of `DAMAGED`."""
    if isinstance(error, pickle.UnpicklingError):
        # torch's own words advise to execute the file.
        return "it is no torch file, or holds more than tensors and plain data"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")

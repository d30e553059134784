"""What the machine at hand can do."""

import os
import shutil
import sys

import torch

from audiodiff.errors import AudiodiffError

PRECISIONS = ("auto", "fp32", "bf16")
"""Of a network's products; ``auto`` is bf16 where the device multiplies it natively."""


def check_device(name: str) -> None:
    """Whether there is such a device.

    Raises:
        AudiodiffError: If this machine has none.
    """
    try:
        # In float64, which times are kept in and some accelerators lack.
        torch.zeros(1, device=name, dtype=torch.float64).item()
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise AudiodiffError(f"device={name!r}: {reason}; use 'cpu'") from error


def has_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for products of bfloat16, so that they are faster."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether a network's products on this device are to be bf16.

    Raises:
        AudiodiffError: If the precision is unknown.
    """
    if precision not in PRECISIONS:
        raise AudiodiffError(
            f"precision={precision!r} is unknown; choose from {', '.join(PRECISIONS)}"
        )
    return precision == "bf16" or (precision == "auto" and has_bf16(device))


def check_compiler(device: torch.device) -> None:
    """Whether torch.compile can make code for this device.

    Raises:
        AudiodiffError: If it needs a C++ compiler and this machine has none.
    """
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    compiler = os.environ.get("CXX", usual)
    if device.type == "cpu" and shutil.which(compiler) is None:
        raise AudiodiffError(
            f"compile needs a C++ compiler and there is no {compiler!r} here; install it, or do "
            "without compile"
        )

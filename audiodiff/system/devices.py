"""What this machine's devices can do."""

import os
import shutil
import sys

import torch

from audiodiff.errors import HELP_WITH_FAILURES, AudiodiffError

PRECISIONS = ("auto", "fp32", "bf16")
"""Precisions of a network's products; ``auto`` is bf16 where the device multiplies it natively."""


def check_device(name: str) -> None:
    """Refuses a device that cannot be used.

    Raises:
        AudiodiffError: If this machine has no such device, or it lacks float64.
    """
    try:
        # In float64, the type of times, which some accelerators lack.
        torch.zeros(1, device=name, dtype=torch.float64).item()
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise AudiodiffError(
            f"device={name!r}: {reason}; use 'cpu' {HELP_WITH_FAILURES}"
        ) from error


def concrete(device: torch.device) -> torch.device:
    """The device as tensors on it name it, such as ``cuda:0`` for ``cuda``, which makes one key."""
    return torch.empty(0, device=device).device


def has_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16 products, which make them faster."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def training_device() -> torch.device:
    """Where a run is trained: on a GPU if there is one, else on the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether to compute a network's products on this device in bf16.

    Raises:
        AudiodiffError: If the precision is unknown.
    """
    if precision not in PRECISIONS:
        raise AudiodiffError(
            f"precision={precision!r} is unknown; choose from {', '.join(PRECISIONS)}"
        )
    return precision == "bf16" or (precision == "auto" and has_bf16(device))


def check_compiler(device: torch.device) -> None:
    """Refuses torch.compile for a device that it cannot generate code for.

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

"""The entry point of every benchmark, and the description of the machine."""

import os
import platform
import sys
from collections.abc import Callable

import torch
import typer

from audiodiff import AudiodiffError
from audiodiff.system.jobs import sentence


def run_script(main: Callable[..., None]) -> None:
    """Runs a function as a command; a bad input ends it with one sentence and status 2."""
    try:
        typer.run(main)
    except (AudiodiffError, OSError) as error:
        print(f"error: {sentence(error)}", file=sys.stderr)
        sys.exit(2)


def machine() -> str:
    """PyTorch's version, the processor and its CPUs, for the heads of tables."""
    processor = platform.processor() or platform.machine()
    return f"torch {torch.__version__}, {processor} with {os.cpu_count()} CPUs"

"""How every benchmark is run, where a bad input is one sentence and exit status 2, and on what."""

import os
import platform
import sys
from collections.abc import Callable

import torch
import typer

from audiodiff import AudiodiffError
from audiodiff.system.jobs import sentence


def run_script(main: Callable[..., None]) -> None:
    """Runs the command that a function with typer's annotations is."""
    try:
        typer.run(main)
    except (AudiodiffError, OSError) as error:
        print(f"error: {sentence(error)}", file=sys.stderr)
        sys.exit(2)


def machine() -> str:
    """Torch's version and the processor, as the heads of tables say them."""
    processor = platform.processor() or platform.machine()
    return f"torch {torch.__version__}, {processor} with {os.cpu_count()} CPUs"

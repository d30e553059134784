"""The entry point of every benchmark, and the description of the machine."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence

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


def alone(words: Sequence[str], n_threads: int) -> str:
    """The last line that a benchmark prints in a process of its own.

    Args:
        words: The path of the benchmark, and its arguments.
        n_threads: Threads that PyTorch has there.

    Raises:
        AudiodiffError: If that process fails, with its last line of output.
    """
    environment = os.environ | {"OMP_NUM_THREADS": str(n_threads)}
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise AudiodiffError(said[-1].removeprefix("error: "))
    return done.stdout.splitlines()[-1]


def machine() -> str:
    """PyTorch's version, the processor and its CPUs, for the heads of tables."""
    processor = platform.processor() or platform.machine()
    return f"torch {torch.__version__}, {processor} with {os.cpu_count()} CPUs"

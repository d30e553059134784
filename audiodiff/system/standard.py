"""Standard input, output and error, which may be closed, full or gone."""

import os
import sys
from typing import BinaryIO

from audiodiff.errors import AudiodiffError


def fill_closed() -> None:
    """Lets closed standard streams lead to nowhere, before a file takes their numbers.

    What a library writes to file 2 would end up in that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def flush_output() -> None:
    """Writes out what was printed, so that a full disk is not met by the interpreter's own end.

    Raises:
        AudiodiffError: If it cannot be written.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough
        _drop_output()
    except OSError as error:
        _drop_output()
        raise cannot_write(error) from error


def cannot_write(error: OSError) -> AudiodiffError:
    """The error that standard output cannot be written to."""
    return AudiodiffError(
        f"cannot write to standard output: {error.strerror}; send it to another place"
    )


def _drop_output() -> None:
    """Lets what is still in the buffer go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def binary_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output as bytes.

    Raises:
        AudiodiffError: If one is closed, or the output is a terminal.
    """
    if sys.__stdin__ is None or sys.stdin is None:
        raise AudiodiffError("standard input is closed; send mel or audio to it")
    if sys.__stdout__ is None:
        raise AudiodiffError("standard output is closed; send it to a file or a player")
    if sys.stdout.isatty():
        raise AudiodiffError(
            "--stream writes PCM to standard output; send it to a file or a player"
        )
    return sys.stdin.buffer, sys.stdout.buffer

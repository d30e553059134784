"""Running out of memory, reported in a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from audiodiff.errors import AudiodiffError


@contextmanager
def enough_memory(source: Path, remedy: str) -> Iterator[None]:
    """Reports a lack of memory inside the block as an error about a file.

    Args:
        source: File that needs the memory.
        remedy: Advice to the user, which ends the message.

    Raises:
        AudiodiffError: If the memory of the accelerator or of the machine runs out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # On the CPU torch raises a plain RuntimeError.
        lacking = isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError))
        if not lacking and "can't allocate memory" not in str(error):
            raise
        raise AudiodiffError(f"{source} needs more memory than there is; {remedy}") from error

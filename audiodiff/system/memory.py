"""What becomes of a lack of memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from audiodiff.errors import AudiodiffError


@contextmanager
def enough_memory(source: Path, remedy: str) -> Iterator[None]:
    """Turns a lack of memory inside the block into a sentence about ``source``.

    Raises:
        AudiodiffError: If memory, the accelerator's or the machine's, runs out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # On the CPU torch has no class of its own for this.
        lacking = isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError))
        if not lacking and "can't allocate memory" not in str(error):
            raise
        raise AudiodiffError(f"{source} needs more memory than there is; {remedy}") from error

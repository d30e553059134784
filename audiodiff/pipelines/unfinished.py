"""What fills the gaps of a recording, kept on disk until the result is written."""

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from audiodiff.system.atomic import replacing

Made = Float32[np.ndarray, "channels samples"]


class Unfinished:
    """The parts of a result that was cut short, in a hidden folder beside it.

    A part that is damaged is made again, and those of other settings are deleted.

    Args:
        target: File of the result.
        settings: All that the parts depend on, as a text.
    """

    def __init__(self, target: Path, settings: str) -> None:
        self._digest = hashlib.sha256(settings.encode()).hexdigest()
        # Of the name, a digest too: with a suffix it could be too long for the file system.
        name = hashlib.sha256(target.name.encode(errors="surrogateescape")).hexdigest()[:16]
        self.folder = target.parent / f".{name}.unfinished"
        if not self._is_own():
            self.discard()

    def _is_own(self) -> bool:
        with suppress(OSError):
            return self._key.read_text() == self._digest
        return False

    @property
    def _key(self) -> Path:
        return self.folder / "settings.txt"

    def load(self, number: int, shape: tuple[int, int]) -> Made | None:
        """A part, or None if it is not there whole.

        Args:
            number: Its number.
            shape: Its number of channels and of samples.
        """
        try:
            made = np.load(self._path(number), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return made if made.shape == shape and made.dtype == np.float32 else None

    def keep(self, number: int, made: Made) -> None:
        """Stores a part.

        Raises:
            AudiodiffError: If it cannot be written.
        """
        if not self._is_own():
            with replacing(self._key) as file:
                file.write_text(self._digest)
        with replacing(self._path(number)) as file:
            np.save(file, made)

    def discard(self) -> None:
        """Deletes all parts."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}.npy"

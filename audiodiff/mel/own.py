"""Any preset's mel as a model takes it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from torch import Tensor

from audiodiff._types import Mel, WavePiece
from audiodiff.errors import AudiodiffError
from audiodiff.mel.check import check_layout, check_range
from audiodiff.mel.conversion import conversion_to
from audiodiff.mel.doctor import mismatch
from audiodiff.mel.log_mel import MelConfig


class OwnMel(NamedTuple):
    """A mel as a model takes it, and the part of its sound that belongs to the given mel.

    Attributes:
        mel: The mel in the model's preset, (batch, n_mels, frames).
        rate: Sample rate of its sound, in Hz.
        skip: Samples of the sound before the given mel's part.
        n_samples: Samples of the given mel's part.
    """

    mel: Mel
    rate: int
    skip: int
    n_samples: int

    def sound(self, pieces: Iterable[WavePiece]) -> Iterator[WavePiece]:
        """The given mel's part of a sound in pieces; pieces outside it are dropped."""
        at = -self.skip
        for piece in pieces:
            part = piece[:, max(0, -at) : max(0, self.n_samples - at)]
            at += piece.shape[1]
            if part.shape[1]:
                yield part


def own_mel(
    mel: Tensor, target: MelConfig, preset: str | None, name: str, force: bool = False
) -> OwnMel:
    """Checks a mel, and converts it if it is of another preset.

    Args:
        mel: The given mel, (batch, n_mels, frames) or (n_mels, frames).
        target: The model's mel.
        preset: Name of the given mel's preset; None for the model's own.
        name: Name of the argument or file, for messages.
        force: Whether to take a mel whose values look like those of another preset or scale.

    Raises:
        AudiodiffError: If the preset is unknown, or the mel cannot be of it.
    """
    conversion = None if preset is None else conversion_to(target, preset)
    source = target if conversion is None else conversion.source
    given = check_layout(mel, source, name)
    if not force:
        if fault := mismatch(given, source):
            raise AudiodiffError(f"{name}: {fault} (--force or force=True takes it as it is)")
        check_range(given, source, name)
    if conversion is None:
        return OwnMel(given, target.sample_rate, 0, given.shape[2] * target.hop_length)
    n_samples = conversion.n_samples(given.shape[2])
    return OwnMel(conversion(given), conversion.rate, conversion.skip, n_samples)

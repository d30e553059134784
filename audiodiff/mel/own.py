"""A mel as a model takes it: checked, and converted where it is of another preset."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from torch import Tensor

from audiodiff._types import Mel, WavePiece
from audiodiff.mel.check import check_mel
from audiodiff.mel.conversion import conversion_to
from audiodiff.mel.log_mel import MelConfig


class OwnMel(NamedTuple):
    """A mel as a model takes it, and which part of its sound is that of the mel that was given.

    Attributes:
        mel: (batch, n_mels, frames).
        rate: Of its sound, in Hz.
        skip: Samples of it before those of the mel that was given.
        n_samples: Those of the mel that was given.
    """

    mel: Mel
    rate: int
    skip: int
    n_samples: int

    def sound(self, pieces: Iterable[WavePiece]) -> Iterator[WavePiece]:
        """The part that counts of a sound in pieces, of which those without any are left out."""
        at = -self.skip
        for piece in pieces:
            part = piece[:, max(0, -at) : max(0, self.n_samples - at)]
            at += piece.shape[1]
            if part.shape[1]:
                yield part


def own_mel(mel: Tensor, target: MelConfig, preset: str | None, name: str) -> OwnMel:
    """A mel as a model takes it: checked, and converted if it is another preset's.

    Args:
        mel: (batch, n_mels, frames) or (n_mels, frames).
        target: The model's mel.
        preset: Whose it is; None for the model's own.
        name: The argument or file, for messages.

    Raises:
        AudiodiffError: If the preset is unknown or the mel cannot be its.
    """
    if preset is None:
        own = check_mel(mel, target, name)
        return OwnMel(own, target.sample_rate, 0, own.shape[2] * target.hop_length)
    conversion = conversion_to(target, preset)
    given = check_mel(mel, conversion.source, name)
    n_samples = conversion.n_samples(given.shape[2])
    return OwnMel(conversion(given), conversion.rate, conversion.skip, n_samples)

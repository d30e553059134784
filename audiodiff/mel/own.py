"""Any preset's mel as a model takes it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from torch import Tensor

from audiodiff._types import Mel, WavePiece
from audiodiff.errors import AudiodiffError
from audiodiff.mel.check import check_layout, check_range
from audiodiff.mel.conversion import conversion_to
from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.verdict import verdict


class OwnMel(NamedTuple):
    """A mel as a model takes it, and the part of its sound that belongs to the given mel.

    Attributes:
        mel: The mel in the model's preset, (batch, n_mels, frames).
        rate: Sample rate of its sound, in Hz.
        skip: Samples of the sound before the given mel's part.
        n_samples: Samples of the given mel's part.
        doubt: Why the mel is probably of another preset or scale, as a warning; None if it is not.
    """

    mel: Mel
    rate: int
    skip: int
    n_samples: int
    doubt: str | None = None

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
    doubt = None if force else _doubt(given, source, name)
    if conversion is None:
        n_samples = given.shape[2] * target.hop_length
        return OwnMel(given, target.sample_rate, 0, n_samples, doubt)
    n_samples = conversion.n_samples(given.shape[2])
    return OwnMel(conversion(given), conversion.rate, conversion.skip, n_samples, doubt)


def _doubt(mel: Mel, source: MelConfig, name: str) -> str | None:
    """Refuses a mel that cannot be of a preset, and says of others why they may not be."""
    said = verdict([mel.movedim(0, 1).flatten(1)], source)
    if said is not None and said.certain:
        raise AudiodiffError(said.about(name))
    check_range(mel, source, name)
    return None if said is None else said.about(name)

"""Files read as the mels that a vocoder takes."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Mel
from audiodiff.audio import io
from audiodiff.audio.reader import OR_ALLOW, SPLIT, opened
from audiodiff.config import MAX_HOURS, Config, Hours
from audiodiff.errors import AudiodiffError
from audiodiff.mel.check import check_layout
from audiodiff.mel.conversion import source_of
from audiodiff.mel.files import IN_PARTS, bytes_of, load_mel
from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.own import OwnMel, own_mel
from audiodiff.mel.scales import undone
from audiodiff.mel.verdict import Verdict, some_of, verdict
from audiodiff.pipelines.stream import WHOLE_SECONDS, mel_of_sound
from audiodiff.pipelines.vocoder import Vocoder


class MelSettings(Config):
    """How mels in files are read; None stands for the model's own.

    Attributes:
        preset: Preset of the mels.
        scale: Name in `mel.scales.INVERSES` of the scale that they are in; None for the preset's.
        transpose: Whether they are (frames, n_mels).
        force: Whether to take mels whose values look like those of another preset or scale.
        max_hours: Length of the longest sound to read, in hours; a mel's size is limited too.
    """

    preset: str | None = None
    scale: str | None = None
    transpose: bool = False
    force: bool = False
    max_hours: Hours = MAX_HOURS

    def source(self, target: MelConfig) -> MelConfig:
        """The preset of the mels, for a model that takes ``target``.

        Raises:
            AudiodiffError: If the preset is unknown.
        """
        return source_of(target, self.preset)


def own_mel_of(vocoder: Vocoder, wave: Float[Tensor, " samples"]) -> OwnMel:
    """The mel of a whole sound at the vocoder's rate."""
    mel = vocoder.mel(vocoder.whole_frames(wave[None]))
    return OwnMel(mel, vocoder.sample_rate, 0, len(wave))


def read_sound(vocoder: Vocoder, path: Path, max_hours: float) -> OwnMel:
    """The mel of a sound file; a long one is never in memory as a whole.

    Raises:
        AudiodiffError: If the file is no sound, or longer than ``max_hours``.
    """
    rate, log_mel = vocoder.sample_rate, vocoder.model.log_mel
    assert log_mel is not None, "a vocoder has one"
    with opened(path, max_hours, SPLIT + OR_ALLOW) as sound, torch.no_grad():
        if sound.n_samples <= WHOLE_SECONDS * sound.sample_rate:
            return own_mel_of(vocoder, torch.from_numpy(io.read_wave(sound, rate)))
        n_samples, mel = mel_of_sound(sound, log_mel, vocoder.hop_length)
        return OwnMel(mel, rate, 0, n_samples)


def read_mel(vocoder: Vocoder, path: Path, settings: MelSettings) -> OwnMel:
    """A mel file as the vocoder takes it.

    Raises:
        AudiodiffError: If the file is no mel, is too long, or cannot be of its preset.
    """
    most, target = settings.max_hours, vocoder.mel_config
    mel = _given(path, target, settings)[0]
    own = own_mel(mel, target, settings.preset, str(path), settings.force)
    hours = own.n_samples / own.rate / 3600
    if hours > most:
        over = f"lasts {hours:.2f} hours and the limit is {most:g}"
        raise AudiodiffError(f"{path} {over}; {SPLIT}{OR_ALLOW}")
    return own


def verdict_on(paths: Sequence[Path], vocoder: Vocoder, settings: MelSettings) -> Verdict | None:
    """Whether mel files, taken together, are something else than they are said to be.

    Only `some_of` them are read, and those that cannot be read are left out.
    """
    target, mels = vocoder.mel_config, []
    for path in some_of(paths):
        # What is wrong with a file is reported when its turn comes.
        with suppress(AudiodiffError, OSError):
            mels.append(_given(path, target, settings)[0])
    return verdict(mels, settings.source(target))


def _given(path: Path, target: MelConfig, settings: MelSettings) -> Mel:
    """The mel in a file, in its preset's scale and with as many bands."""
    most, source = bytes_of(settings.max_hours), settings.source(target)
    mel = load_mel(path, settings.transpose, most, IN_PARTS + OR_ALLOW)
    whole = check_layout(mel, source, str(path))
    return whole if settings.scale is None else undone(whole, settings.scale, source)

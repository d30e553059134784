"""Clips with mels that an acoustic model predicted for them, to tune a vocoder to that model."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from audiodiff._types import Condition
from audiodiff.data.clips import Clips
from audiodiff.errors import AudiodiffError
from audiodiff.mel.check import check_mel
from audiodiff.mel.files import MEL_SUFFIXES, load_mel
from audiodiff.mel.log_mel import MelConfig
from audiodiff.system.folders import files_below, name_below

N_KEPT = 256
"""The most mels that are kept in memory."""


class PairedClips(Clips):
    """Clips with a mel file for each, named by the clip's id.

    A mel has a frame for each hop of its clip. As acoustic models and vocoders count frames
    differently, one frame too many is cut off, and one too few is made up by repeating the last. A
    greater difference is refused: the two are not the same utterance, cut at the same places.

    Attributes:
        notes: Sentences to print: the number of mels that were cut or extended.

    Args:
        clips: The clips.
        folder: Folder of the mels, ``ID.npy`` or another format that `load_mel` reads.
        config: Preset of the mels.

    Raises:
        AudiodiffError: If a clip has no mel, or one of another preset or length.
    """

    def __init__(self, clips: Clips, folder: Path, config: MelConfig) -> None:
        super().__init__(clips.samples, clips.ids, clips.lengths.tolist(), clips.sample_rate)
        self.config, self.hop_length = config, config.hop_length
        found: dict[str, list[Path]] = {}
        for path in files_below(folder, MEL_SUFFIXES):
            found.setdefault(name_below(folder, path), []).append(path)
        self.paths = [_only(folder, id_, found.get(id_, [])) for id_ in self.ids]
        self.kept = lru_cache(N_KEPT)(self._load)
        apart = [self._difference(i) for i in range(len(self))]
        self.notes = tuple(
            f"{apart.count(n)} mels of {folder} have one frame {words}"
            for n, words in ((1, "too many, cut off"), (-1, "too few, their last one repeated"))
            if n in apart
        )

    def condition(
        self, i: int, start: int, n_samples: int, rng: np.random.Generator | None = None
    ) -> Condition:
        """The mel of part of clip i, (1, n_mels, frames), with silence after its end.

        Args:
            i: Index of the clip.
            start: First sample, a whole number of hops.
            n_samples: Number of samples, a whole number of hops.
            rng: Draws nothing here.
        """
        mel = self.kept(i)
        wanted, n_frames = int(self.lengths[i]) // self.hop_length, n_samples // self.hop_length
        if mel.shape[1] < wanted:
            mel = torch.cat([mel, mel[:, -1:]], 1)
        first = start // self.hop_length
        part = mel[:, first : min(first + n_frames, wanted)]
        missing = n_frames - part.shape[1]
        padded = torch.nn.functional.pad(part, (0, missing), value=self.config.floor_value)
        return {"mel": padded[None]}

    def _load(self, i: int) -> torch.Tensor:
        return check_mel(load_mel(self.paths[i]), self.config, str(self.paths[i]))[0].float()

    def _difference(self, i: int) -> int:
        """Number of frames that a mel has too many."""
        n_frames, wanted = self.kept(i).shape[1], int(self.lengths[i]) // self.hop_length
        if abs(n_frames - wanted) > 1:
            raise AudiodiffError(
                f"{self.paths[i]} has {n_frames} frames and its clip {wanted} hops; give a mel of "
                "the same utterance, cut at the same places, or take the clip out of the lists"
            )
        return n_frames - wanted


def _only(folder: Path, id_: str, found: Sequence[Path]) -> Path:
    if len(found) != 1:
        what = "two mels" if found else "no mel"
        raise AudiodiffError(
            f"{folder} holds {what} for clip {id_!r}; give one such as {id_}.npy, or take the clip "
            "out of the lists"
        )
    return found[0]

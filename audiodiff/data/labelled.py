"""Clips that each belong to a class, named by their folder."""

from collections.abc import Sequence

import torch

from audiodiff._types import Condition
from audiodiff.data.clips import Clips
from audiodiff.errors import AudiodiffError


class LabelledClips(Clips):
    """Clips with the index of each one's class among the labels of a model.

    Args:
        clips: The clips; ``zero/0a7c2a8d_nohash_0`` belongs to the class ``zero``.
        labels: Labels of the model.

    Raises:
        AudiodiffError: If a clip belongs to another class, or to none.
    """

    def __init__(self, clips: Clips, labels: Sequence[str]) -> None:
        super().__init__(clips.samples, clips.ids, clips.lengths.tolist(), clips.sample_rate)
        self.clips, self.hop_length = clips, clips.hop_length
        self.classes = [_index(id_, labels) for id_ in self.ids]

    def condition(self, i: int, start: int, n_samples: int) -> Condition:
        """The class of clip i, and what else goes with it."""
        return {
            **self.clips.condition(i, start, n_samples),
            "label": torch.tensor([self.classes[i]]),
        }


def _index(id_: str, labels: Sequence[str]) -> int:
    folder = id_.rpartition("/")[0].rpartition("/")[2]
    if folder not in labels:
        raise AudiodiffError(
            f"clip {id_!r} lies in {folder or 'no folder'!r}, which is none of the model's labels "
            f"({', '.join(labels)}); name its folder so, or take it out of the lists"
        )
    return list(labels).index(folder)

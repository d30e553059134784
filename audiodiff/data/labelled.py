"""Clips with classes, which their folders name."""

from collections.abc import Sequence

import torch

from audiodiff._types import Labels
from audiodiff.data.clips import Clips
from audiodiff.errors import AudiodiffError


class LabelledClips(Clips):
    """Clips with the place of each one's class among the labels of a model.

    Args:
        clips: The sound; ``zero/0a7c2a8d_nohash_0`` is of the class ``zero``.
        labels: Labels of the model, in its order.

    Raises:
        AudiodiffError: If a clip is of another class, or of none.
    """

    def __init__(self, clips: Clips, labels: Sequence[str]) -> None:
        super().__init__(clips.samples, clips.ids, clips.lengths.tolist(), clips.sample_rate)
        self.classes = [_place(id_, labels) for id_ in self.ids]

    def condition(self, i: int, start: int, n_samples: int) -> Labels:
        """The class of clip i, (1,)."""
        return torch.tensor([self.classes[i]])


def _place(id_: str, labels: Sequence[str]) -> int:
    folder = id_.rpartition("/")[0].rpartition("/")[2]
    if folder not in labels:
        raise AudiodiffError(
            f"clip {id_!r} lies in {folder or 'no folder'!r}, which is none of the model's labels "
            f"({', '.join(labels)}); name its folder so, or take it out of the lists"
        )
    return labels.index(folder)

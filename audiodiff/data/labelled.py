"""Clips with labels of one kind or of several."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from audiodiff._types import Condition
from audiodiff.conditioning.labels import ONLY, LabelSets
from audiodiff.data.clips import Clips
from audiodiff.data.corpus import clips_of, prefix_of
from audiodiff.errors import AudiodiffError
from audiodiff.system.atomic import replacing
from audiodiff.system.folders import listed_name

TABLE_NAME = "labels.csv"

Table: TypeAlias = Mapping[str, Mapping[str, str]]
"""The labels of each clip by its id, each by the name of its kind."""


class LabelledClips(Clips):
    """Clips with the index of each one's class among the labels of a model.

    Args:
        clips: The clips.
        sets: Labels of the model.
        table: Labels of the clips. The class of a clip that is not listed is its folder:
            ``zero/0a7c2a8d_nohash_0`` belongs to the class ``zero``.

    Raises:
        AudiodiffError: If a clip belongs to another class, or to none.
    """

    def __init__(self, clips: Clips, sets: LabelSets, table: Table) -> None:
        super().__init__(clips.samples, clips.ids, clips.lengths.tolist(), clips.sample_rate)
        self.clips, self.hop_length = clips, clips.hop_length
        self.classes = [labels_of(id_, sets, table) for id_ in self.ids]

    def condition(
        self, i: int, start: int, n_samples: int, rng: np.random.Generator | None = None
    ) -> Condition:
        """The classes of clip i, and what else goes with it."""
        return {**self.clips.condition(i, start, n_samples, rng), **self.classes[i]}


def labels_of(id_: str, sets: LabelSets, table: Table) -> Condition:
    """The classes of a clip as indices, (1,) for each kind.

    Args:
        id_: Id of the clip.
        sets: Labels of the model.
        table: Labels of the clips, as in `LabelledClips`.

    Raises:
        AudiodiffError: If the clip belongs to another class, or to none.
    """
    return {kind: torch.tensor([_index(id_, kind, labels, table)]) for kind, labels in sets.items()}


def read_table(folders: Sequence[Path]) -> Table:
    """The labels of clips by ``labels.csv`` in their folders; empty where there is none.

    Its first line names the kinds, ``id,digit,speaker``, and each other one is a clip. With several
    folders, the folder's name comes before an id, as in `read_corpus`.

    Raises:
        AudiodiffError: If a file cannot be read, or a line has more or fewer fields than the first.
    """
    table: dict[str, Mapping[str, str]] = {}
    for folder in folders:
        path = folder / TABLE_NAME
        prefix = prefix_of(folder, folders)
        for line, row in enumerate(_rows(path) if path.is_file() else (), 2):
            id_ = row.pop("id", None)
            if id_ is None or None in row or None in row.values():
                raise AudiodiffError(
                    f"{path}: line {line} does not fit the first, which must be 'id' and the names "
                    "of kinds of label, such as 'id,digit,speaker'; mend the line"
                )
            table[prefix + listed_name(id_)] = row
    return table


def combinations(folder: Path, sets: LabelSets) -> list[dict[str, str]]:
    """Every combination of labels that a clip of a folder has, in the order of the model's labels.

    The clips are those of the train list, or all of a folder without one; their labels are found
    as in `LabelledClips`.

    Args:
        folder: Folder of clips.
        sets: Labels of a model.

    Raises:
        AudiodiffError: If the folder holds no clips, or one has another label than the model, or
            none.
    """
    table = read_table([folder])
    known = (labels_of(id_, sets, table) for id_ in clips_of(folder, "train"))
    found = {tuple(int(index) for index in classes.values()) for classes in known}
    return [
        {kind: names[i] for i, (kind, names) in zip(indices, sets.items(), strict=True)}
        for indices in sorted(found)
    ]


def write_table(path: Path, table: Table) -> None:
    """Writes the labels of clips, at least one, for `read_table`."""
    kinds = list(next(iter(table.values())))
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        rows = csv.DictWriter(file, ["id", *kinds], lineterminator="\n")
        rows.writeheader()
        rows.writerows({"id": id_, **labels} for id_, labels in table.items())


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AudiodiffError(f"{path} cannot be read ({error}); save it as CSV in UTF-8") from error


def _index(id_: str, kind: str, labels: Sequence[str], table: Table) -> int:
    if id_ in table and kind in table[id_]:
        label = table[id_][kind]
        said, remedy = f"has {kind} {label!r} in {TABLE_NAME}", f"mend {TABLE_NAME}"
    elif kind == ONLY:
        label = id_.rpartition("/")[0].rpartition("/")[2]
        said, remedy = f"lies in {label or 'no folder'!r}", "rename its folder"
    else:
        raise AudiodiffError(
            f"clip {id_!r} has no {kind}; add a {TABLE_NAME} to its folder, with the line "
            f"'id,{kind}' and one for each clip"
        )
    if label not in labels:
        raise AudiodiffError(
            f"clip {id_!r} {said}, which is none of the model's labels ({', '.join(labels)}); "
            f"{remedy}, or take it out of the lists"
        )
    return list(labels).index(label)

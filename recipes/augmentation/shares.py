"""Writes shares of the prepared spoken digits: python shares.py OUT PERCENT ...

``OUT/share-5`` holds 5 % of the training clips of ``OUT/prepared``, evenly among the
combinations of labels, and all clips that are held out to watch training. A smaller share is part
of a greater one. Sound is not copied.
"""

import os
import random
import sys
from collections import defaultdict
from pathlib import Path

from audiodiff import AudiodiffError
from audiodiff.data.corpus import read_ids
from audiodiff.data.labelled import TABLE_NAME, read_table, write_table
from audiodiff.system.atomic import replacing


def share_of(prepared: Path, percent: float) -> list[str]:
    """The training clips of a share: as many of each combination of labels, to within rounding.

    Raises:
        AudiodiffError: If the share is no percentage, the corpus has no training clips, or one has
            no labels.
    """
    if not 0 < percent <= 100:
        raise AudiodiffError(f"PERCENT {percent:g} is not above 0 and at most 100")
    if not (prepared / "train.txt").is_file():
        raise AudiodiffError(f"{prepared} has no train.txt; run the stage prepare first")
    table, classes = read_table([prepared]), defaultdict(list)
    for id_ in read_ids(prepared / "train.txt"):
        if id_ not in table:
            raise AudiodiffError(f"{prepared / TABLE_NAME} has no labels of {id_!r}; add them")
        classes[tuple(table[id_].values())].append(id_)
    chosen = []
    for ids in classes.values():
        random.Random(0).shuffle(ids)
        chosen += ids[: max(1, round(len(ids) * percent / 100))]
    return sorted(chosen)


def write_share(out: Path, percent: float) -> None:
    """Writes the folder of a share.

    Raises:
        AudiodiffError: As `share_of`, or if the folder cannot be written.
    """
    prepared, folder = out / "prepared", out / f"share-{percent:g}"
    train, table = share_of(prepared, percent), read_table([prepared])
    held_out = read_ids(prepared / "dev.txt")
    folder.mkdir(exist_ok=True)
    if not (folder / "wavs").is_symlink():
        (folder / "wavs").symlink_to(os.path.relpath(prepared / "wavs", folder))
    for name, ids in (("train", train), ("dev", held_out)):
        with replacing(folder / f"{name}.txt") as temporary:
            temporary.write_text("".join(f"{id_}\n" for id_ in ids), encoding="utf-8")
    write_table(folder / TABLE_NAME, {id_: table[id_] for id_ in (*train, *held_out)})
    print(f"{folder}: {len(train)} training clips")


if __name__ == "__main__":
    try:
        for percent in sys.argv[2:]:
            write_share(Path(sys.argv[1]), float(percent))
    except (AudiodiffError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")

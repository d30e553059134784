"""Records in sound files."""

import math
from pathlib import Path

from audiodiff.audio.comments import read_comment
from audiodiff.audio.reader import opened
from audiodiff.audio.tags import Tags
from audiodiff.errors import AudiodiffError
from audiodiff.provenance.record import Record, now, record_from
from audiodiff.provenance.signing import signing


def tags_of(record: Record, edited: str | Path | None = None) -> Tags:
    """The texts by which a sound file holds a record, dated now; `audio.io.save` writes them.

    Args:
        record: The record of the sound.
        edited: The recording that the sound was made from, for its signature; None for a new sound.

    Raises:
        AudiodiffError: If SOURCE_DATE_EPOCH is no number of seconds, or the environment names a
            certificate that cannot sign.
    """
    date = now()
    sign = signing(record, None if edited is None else Path(edited))
    dated = record.model_copy(update={"date": date})
    return Tags(dated.comment(), record.software, date, record.description, sign)


def read_record(path: str | Path) -> Record | None:
    """The record in a sound file; None if the file says nothing about what made it.

    Raises:
        AudiodiffError: If the file is no sound, or its tags or its record are damaged.
    """
    path = Path(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise AudiodiffError(f"{path} is a pipe or a device; give a sound file")
    # Before the file is opened as sound: libsndfile reads comments of any length.
    comment = read_comment(path) if path.is_file() else ""
    with opened(path, math.inf):
        return record_from(comment, str(path))


def record_in(path: Path) -> Record | None:
    """The record in a file; None if there is none, or it cannot be read."""
    try:
        return record_from(read_comment(path), str(path))
    except AudiodiffError:
        return None

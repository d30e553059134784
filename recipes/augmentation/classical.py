"""Copies the training clips of a labelled folder, each changed: python classical.py DIR OUT COPIES.

By audiomentations: faster or slower, higher or lower, in noise, louder or softer, each with a
probability of one half. The same folder gives the same copies. Copies that are there stay.
"""

import itertools
import random
import sys
from pathlib import Path
from zlib import crc32

import numpy as np

from audiodiff import AudiodiffError
from audiodiff.audio import io
from audiodiff.data.corpus import clips_of
from audiodiff.data.labelled import TABLE_NAME, read_table, write_table


def changed(wave: np.ndarray, rate: int, seed: int) -> np.ndarray:
    """A changed copy of a sound, within full scale.

    Args:
        wave: The sound, (samples,), float32.
        rate: Its sample rate in Hz.
        seed: Seed of the changes.

    Raises:
        AudiodiffError: If audiomentations is not installed.
    """
    try:
        import audiomentations as changes
    except ImportError as error:
        raise AudiodiffError(
            f'{error}; pip install "audiodiff-vocoder[augmentation]", which brings it'
        ) from error
    chain = changes.Compose(
        [
            changes.TimeStretch(min_rate=0.8, max_rate=1.25, leave_length_unchanged=False, p=0.5),
            changes.PitchShift(min_semitones=-2, max_semitones=2, p=0.5),
            changes.AddGaussianSNR(min_snr_db=10, max_snr_db=40, p=0.5),
            changes.Gain(min_gain_db=-6, max_gain_db=6, p=0.5),
        ]
    )
    # It draws from the generators of both modules.
    random.seed(seed)
    np.random.seed(seed)
    copy = np.asarray(chain(wave, sample_rate=rate), np.float32)
    return copy / max(1.0, float(np.abs(copy).max(initial=0.0)))


def write_copies(folder: Path, out: Path, n_copies: int) -> None:
    """Writes changed copies of a folder's training clips, with their labels, one of each first.

    Args:
        folder: Folder of clips with ``labels.csv``.
        out: Folder for the copies.
        n_copies: Number of copies of each clip.

    Raises:
        AudiodiffError: If there are no clips or one has no labels, or a copy cannot be written.
    """
    labels, table, clips = read_table([folder]), {}, clips_of(folder, "train")
    if missing := [id_ for id_ in clips if id_ not in labels]:
        raise AudiodiffError(f"{folder / TABLE_NAME} has no labels of {missing[0]!r}; add them")
    for i, id_ in itertools.product(range(n_copies), clips):
        name = f"{id_}-{i}"
        table[name] = labels[id_]
        target = out / f"{name}.flac"
        if not target.is_file():
            wave, rate = io.load(clips[id_])
            io.save(target, changed(wave, rate, crc32(name.encode())), rate)
    write_table(out / TABLE_NAME, table)
    print(f"{out}: {len(table)} clips")


if __name__ == "__main__":
    try:
        write_copies(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    except (AudiodiffError, OSError) as error:
        sys.exit(f"error: {error}")

"""Writes texts of prepared spoken digits into their folder: python captions.py PREPARED.

A line of ``captions.jsonl`` has several phrasings of what is known of a clip: its digit and its
speaker by ``labels.csv``, and its pitch, pace and loudness, measured from the sound and compared
with other clips. The same clips get the same texts.
"""

import json
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from phrases import Facts, phrasings

from audiodiff import AudiodiffError
from audiodiff.audio import io
from audiodiff.data.audio_files import find_audio
from audiodiff.data.captioned import CAPTIONS_NAME
from audiodiff.data.labelled import read_table
from audiodiff.metrics.pitch import f0_track
from audiodiff.system.atomic import replacing

N_TEXTS = 16
"""Phrasings of each clip."""

FRAME = 0.01
"""Seconds of the frames whose power tells where the word is."""

QUIET_DB = 30
"""Decibels below the loudest frame at which a word begins and ends."""


class Measured(NamedTuple):
    """What is measured of a sound; NaN where it is not defined.

    Attributes:
        pitch: Median of the fundamental frequency, in Hz.
        pace: Words per second: the inverse of the duration without silent ends.
        loudness: RMS of that part, in dB of full scale.
    """

    pitch: float
    pace: float
    loudness: float


def measured(wave: np.ndarray, rate: int) -> Measured:
    """The pitch, the pace and the loudness of one spoken word."""
    size = round(FRAME * rate)
    frames = np.asarray(wave[: len(wave) // size * size], dtype=np.float64).reshape(-1, size)
    power = np.square(frames).mean(1)
    if not len(power) or power.max() <= 0:
        return Measured(np.nan, np.nan, np.nan)
    (heard,) = np.nonzero(power > power.max() * 10 ** (-QUIET_DB / 10))
    first, last = int(heard[0]), int(heard[-1]) + 1
    f0, _ = f0_track(frames[first:last].ravel(), rate)
    voiced = f0[f0 > 0]
    return Measured(
        pitch=float(np.median(voiced)) if len(voiced) else np.nan,
        pace=1 / (FRAME * (last - first)),
        loudness=float(10 * np.log10(power[first:last].mean())),
    )


def facts_of(
    labels: Mapping[str, Mapping[str, str]], sounds: Mapping[str, Measured]
) -> dict[str, Facts]:
    """What is known of each clip, by its id.

    A quality is said to be high or low in the upper and the lower third of comparable clips: those
    of the speaker, and for the pace those of the same word.

    Args:
        labels: The digit and the speaker of each clip.
        sounds: What was measured of each.
    """
    directions: dict[str, dict[str, int]] = {id_: {} for id_ in sounds}
    for quality in Measured._fields:
        groups: dict[tuple[str, ...], list[str]] = {}
        for id_ in sounds:
            digit, speaker = labels[id_]["digit"], labels[id_]["speaker"]
            key = (speaker, digit) if quality == "pace" else (speaker,)
            groups.setdefault(key, []).append(id_)
        for ids in groups.values():
            values = np.array([getattr(sounds[id_], quality) for id_ in ids])
            if np.isnan(values).all():
                continue
            low, high = np.nanquantile(values, [1 / 3, 2 / 3])
            for id_, value in zip(ids, values, strict=True):
                directions[id_][quality] = int(value > high) - int(value < low)
    return {
        id_: Facts(labels[id_]["digit"], labels[id_]["speaker"], **found)
        for id_, found in directions.items()
    }


def write_captions(folder: Path) -> None:
    """Writes the texts of the clips of a prepared corpus.

    Raises:
        AudiodiffError: If it has no clips, a clip has no digit or speaker, or cannot be read.
    """
    files, labels = find_audio(folder / "wavs"), read_table([folder])
    for id_ in files:
        if not {"digit", "speaker"} <= set(labels.get(id_, {})):
            raise AudiodiffError(f"{folder}/labels.csv has no digit or speaker of {id_!r}; add it")
    sounds = {}
    for id_, path in files.items():
        wave, rate = io.load(path)
        sounds[id_] = measured(wave, rate)
    with replacing(folder / CAPTIONS_NAME) as temporary, temporary.open("w") as file:
        for id_, facts in facts_of(labels, sounds).items():
            texts = phrasings(facts, N_TEXTS, random.Random(id_))
            file.write(json.dumps({"id": id_, "texts": texts}) + "\n")
    print(f"{folder / CAPTIONS_NAME}: {N_TEXTS} texts of each of {len(sounds)} clips")


if __name__ == "__main__":
    try:
        write_captions(Path(sys.argv[1]))
    except (AudiodiffError, OSError) as error:
        sys.exit(f"error: {error}")

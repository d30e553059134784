"""What lies in a folder of shards, on a disk or behind an address: its index and its tar files.

A shard is a tar file as webdataset writes and reads it, with ``KEY.flac`` and ``KEY.json`` for each
clip. Beside the shards lies ``shards.json``, which tells how many clips and samples each holds.
"""

import io
import json
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from jaxtyping import Int16
from pydantic import PositiveInt, ValidationError

from audiodiff.config import Config
from audiodiff.data.clips import SAMPLE, Clips
from audiodiff.errors import AudiodiffError
from audiodiff.system.untrusted import DAMAGED, why

INDEX_NAME = "shards.json"

DAMAGED_SHARD: tuple[type[Exception], ...] = (*DAMAGED, tarfile.TarError)
"""What the readers of a damaged shard raise; soundfile raises a RuntimeError."""

TIMEOUT = 60
"""Seconds that a server may be silent."""

TRIES = 5
"""Attempts to read from a server; the waits between them double, from one second on."""


class Shard(Config):
    """One tar file of clips.

    Attributes:
        name: Name of the file.
        clips: Number of clips in it.
        samples: Number of samples of all its clips.
    """

    name: str
    clips: PositiveInt
    samples: PositiveInt


class ShardIndex(Config):
    """The content of ``shards.json``.

    Attributes:
        sample_rate: Sample rate of all clips, in Hz.
        splits: The shards of each split: train, dev and test.
    """

    sample_rate: PositiveInt
    splits: dict[str, tuple[Shard, ...]]


def read_index(place: str) -> ShardIndex:
    """Reads the index of a folder of shards.

    Raises:
        AudiodiffError: If its index is missing or damaged.
    """
    try:
        return ShardIndex.model_validate_json(_read(place, INDEX_NAME))
    except OSError as error:
        raise AudiodiffError(
            f"{place} has no {INDEX_NAME} that can be read ({error}); give a folder that "
            "`audiodiff prepare --shards` wrote, or its address"
        ) from error
    except ValidationError as error:
        raise AudiodiffError(
            f"{INDEX_NAME} in {place} is damaged; write the shards anew"
        ) from error


def read_shard(place: str, name: str, sample_rate: int) -> Clips:
    """Reads and decodes the clips of one shard.

    Raises:
        AudiodiffError: If it cannot be read, or holds clips at another rate.
    """
    from webdataset.tariterators import group_by_keys, tar_file_iterator

    try:
        stream = io.BytesIO(_read(place, name))
        files = ({**file, "__url__": name} for file in tar_file_iterator(stream))
        ids, waves, rates = zip(*map(_decoded, group_by_keys(files)), strict=True)
    except DAMAGED_SHARD as error:
        raise AudiodiffError(
            f"shard {name} of {place} cannot be read ({why(error)}); fetch or write it again"
        ) from error
    if set(rates) != {sample_rate}:
        raise AudiodiffError(
            f"shard {name} of {place} has clips at {max(rates)} Hz, not {sample_rate}; write it "
            "anew"
        )
    return Clips(np.concatenate(waves), ids, [len(wave) for wave in waves], sample_rate)


def _decoded(sample: Mapping[str, Any]) -> tuple[str, Int16[np.ndarray, " samples"], int]:
    """The id, the samples and the sample rate of a clip."""
    wave, rate = soundfile.read(io.BytesIO(sample["flac"]), dtype="int16")
    return json.loads(sample["json"])["source"]["id"], wave.astype(SAMPLE), rate


def _read(place: str, name: str) -> bytes:
    if not place.startswith(("http://", "https://")):
        return (Path(place) / name).read_bytes()
    for n in range(TRIES):
        try:
            url = f"{place.rstrip('/')}/{name}"
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            if error.code < 500 or n == TRIES - 1:  # a further try would fail alike
                raise
        except OSError:
            if n == TRIES - 1:
                raise
        time.sleep(2**n)
    raise AssertionError("the last try returns or raises")

"""What lies in a folder of shards, on a disk or behind an address: its index and its tar files.

A shard is a tar file as webdataset writes and reads it, with ``KEY.flac`` and ``KEY.json`` for each
clip, and ``KEY.texts.json``, a list of its texts, if it has some. Beside the shards lies
``shards.json``, which tells how many clips and samples each holds.
"""

import io
import tarfile
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import numpy as np
import soundfile
from jaxtyping import Int16
from pydantic import Field, PositiveInt

from audiodiff.config import Config
from audiodiff.data.cache import ClipFile
from audiodiff.data.captioned import Caption, CaptionedClips, Captions
from audiodiff.data.clips import SAMPLE, Clips
from audiodiff.data.places import read_file
from audiodiff.errors import AudiodiffError
from audiodiff.system.documents import MAX_JSON_BYTES, parse_json
from audiodiff.system.untrusted import DAMAGED, why

INDEX_NAME = "shards.json"

DAMAGED_SHARD: tuple[type[Exception], ...] = (*DAMAGED, tarfile.TarError)
"""What the readers of a damaged shard raise; soundfile raises a RuntimeError."""

TEXTS = "texts.json"
"""What the names of texts end in, without the dot."""

MAX_SAMPLES = 2**32
"""Most samples of a shard, whose number decides its share of the crops."""


class Shard(Config):
    """One tar file of clips.

    Attributes:
        name: Name of the file, which lies beside the index.
        clips: Number of clips in it.
        samples: Number of samples of all its clips.
    """

    name: str = Field(pattern=r"^\w[\w.-]*$")
    clips: PositiveInt
    samples: Annotated[int, Field(ge=1, le=MAX_SAMPLES)]


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
        content = read_file(place, INDEX_NAME, MAX_JSON_BYTES)
    except (OSError, ValueError) as error:
        raise AudiodiffError(
            f"{place} has no {INDEX_NAME} that can be read ({error}); give a folder that "
            "`audiodiff prepare --shards` wrote, or its address"
        ) from error
    try:
        return ShardIndex.parse(parse_json(content, INDEX_NAME), INDEX_NAME)
    except AudiodiffError as error:
        raise AudiodiffError(
            f"{INDEX_NAME} in {place} is damaged ({error}); write the shards again"
        ) from error


class Content(NamedTuple):
    """What a shard holds.

    Attributes:
        clips: Its clips.
        captions: Texts of those that have some.
    """

    clips: Clips
    captions: Captions

    def with_texts(self, most: int | None) -> Clips:
        """The clips, with a text for each if a model takes texts.

        Args:
            most: Most bytes of a text that the model takes; None for one that takes none.

        Raises:
            AudiodiffError: If a clip has no text, or one that the model does not take.
        """
        return self.clips if most is None else CaptionedClips(self.clips, self.captions, most)


def read_shard(place: str, shard: Shard, sample_rate: int) -> Content:
    """Reads and decodes the clips of one shard, with memory for no more than the index states.

    Raises:
        AudiodiffError: If it cannot be read, holds clips at another rate or of several channels, or
            does not hold what the index states.
    """
    from webdataset.tariterators import group_by_keys

    # FLAC takes less than 4 bytes for a sample; headers and facts take little of what is added.
    most = 4 * shard.samples + 2**17 * shard.clips + 2**20
    ids, waves, n_samples = [], [], 0
    captions: dict[str, tuple[str, ...]] = {}
    try:
        content = io.BytesIO(read_file(place, shard.name, most))
        # Not compressed, or it could unpack to any size.
        with tarfile.open(fileobj=content, mode="r:") as tar:
            for sample in group_by_keys(_members(tar, shard.name)):
                wave = _decoded(sample, sample_rate, shard.samples - n_samples)
                facts = parse_json(sample["json"], "its json")
                ids.append(ClipFile.parse(facts["source"], "its json").id)
                if TEXTS in sample:
                    texts = {"id": ids[-1], "texts": parse_json(sample[TEXTS], "its texts")}
                    captions[ids[-1]] = Caption.parse(texts, "its texts").texts
                waves.append(wave)
                n_samples += len(wave)
        if (len(ids), n_samples) != (shard.clips, shard.samples):
            raise ValueError(
                f"it holds {len(ids)} clips of {n_samples} samples where {INDEX_NAME} states "
                f"{shard.clips} of {shard.samples}"
            )
    except DAMAGED_SHARD as error:
        raise AudiodiffError(
            f"shard {shard.name} of {place} cannot be read ({why(error)}); fetch or write it again"
        ) from error
    clips = Clips(np.concatenate(waves), ids, [len(wave) for wave in waves], sample_rate)
    return Content(clips, captions)


def _members(tar: tarfile.TarFile, url: str) -> Iterator[dict[str, Any]]:
    """The files of a tar file, as webdataset takes them; not sparse ones, of any size."""
    for member in tar:
        if member.isreg() and not member.issparse():
            file = tar.extractfile(member)
            assert file is not None, "a regular file has a content"
            yield {"fname": member.name, "data": file.read(), "__url__": url}


def _decoded(
    sample: Mapping[str, Any], sample_rate: int, most: int
) -> Int16[np.ndarray, " samples"]:
    """The samples of a clip, at most ``most``."""
    with soundfile.SoundFile(io.BytesIO(sample["flac"])) as file:
        if file.channels != 1:
            raise ValueError(f"clip {sample['__key__']} has {file.channels} channels, not one")
        if file.samplerate != sample_rate:
            raise ValueError(
                f"clip {sample['__key__']} is at {file.samplerate} Hz, not {sample_rate}"
            )
        if file.frames > most:
            raise ValueError(f"it holds more samples than {INDEX_NAME} states")
        return file.read(dtype="int16").astype(SAMPLE)

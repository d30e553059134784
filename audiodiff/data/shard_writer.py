"""A prepared corpus packed into tar shards."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from audiodiff.data.audio_files import SETTINGS_NAME
from audiodiff.data.captioned import Captions, read_captions
from audiodiff.data.corpus import SPLITS, read_ids
from audiodiff.data.prepared import (
    MANIFEST_NAME,
    Manifest,
    PrepareSettings,
    read_manifest,
    target,
)
from audiodiff.data.shard_files import INDEX_NAME, TEXTS, Shard, ShardIndex
from audiodiff.errors import AudiodiffError
from audiodiff.system.atomic import replacing
from audiodiff.system.documents import read_json


def write_shards(
    prepared: Path, out: Path, n_bytes: int, on_shard: Callable[[Shard], None]
) -> ShardIndex:
    """Packs a prepared corpus; shards that are already complete are kept.

    Clips are ordered by a hash of their ids, so that voices are mixed. A shard's name contains a
    hash of its content, and the index is written last, so a killed run goes on where it was and
    ends with the same files.

    Args:
        prepared: Folder that `prepare` wrote.
        out: Folder to write the shards to.
        n_bytes: Approximate size of a shard, in bytes.
        on_shard: Called with each shard once it is written or found.

    Raises:
        AudiodiffError: If there is no prepared corpus, or the shards cannot be written.
    """
    found = read_manifest(prepared / MANIFEST_NAME)
    if not found:
        raise AudiodiffError(f"{prepared} holds no {MANIFEST_NAME}; prepare the corpus first")
    path = prepared / SETTINGS_NAME
    captions = read_captions([prepared])
    rate = PrepareSettings.parse(read_json(path, "prepare the corpus again"), str(path)).sample_rate
    splits: dict[str, tuple[Shard, ...]] = {}
    for split in SPLITS:
        if not (prepared / f"{split}.txt").is_file():
            continue
        shards = []
        ids = sorted(read_ids(prepared / f"{split}.txt"), key=_hash)
        unknown = [id_ for id_ in ids if id_ not in found]
        if unknown:
            raise AudiodiffError(
                f"{prepared / MANIFEST_NAME} has no line for the clip {unknown[0]!r} of "
                f"{split}.txt; prepare the corpus again to write it"
            )
        for n, part in enumerate(_parts(prepared, ids, n_bytes)):
            content = _hash("\n".join(_said_of(id_, found, captions) for id_ in part))
            name = f"{split}-{n:06}-{content[:8]}.tar"
            samples = sum(round(found[id_].seconds * rate) for id_ in part)
            shard = {"name": name, "clips": len(part), "samples": samples}
            shards.append(Shard.parse(shard, str(prepared / MANIFEST_NAME)))
            if not (out / name).is_file():
                _write(out / name, prepared, part, found, captions)
            on_shard(shards[-1])
        splits[split] = tuple(shards)
    index = ShardIndex(sample_rate=rate, splits=splits)
    with replacing(out / INDEX_NAME) as temporary:
        temporary.write_text(index.model_dump_json(indent=1) + "\n", encoding="utf-8")
    named = {shard.name for shards in splits.values() for shard in shards}
    for path in out.glob("*.tar"):
        if path.name not in named:
            path.unlink()
    return index


def _parts(prepared: Path, ids: Sequence[str], n_bytes: int) -> Iterator[list[str]]:
    """Consecutive ids, grouped so that the files of a group fill a shard."""
    part: list[str] = []
    size = 0
    for id_ in ids:
        part.append(id_)
        size += target(prepared, id_).stat().st_size
        if size >= n_bytes:
            yield part
            part, size = [], 0
    if part:
        yield part


def _said_of(id_: str, found: Manifest, captions: Captions) -> str:
    """What a shard's name depends on of a clip."""
    said = f"{id_} {found[id_].digest}"
    return f"{said} {json.dumps(captions[id_])}" if id_ in captions else said


def _write(
    path: Path, prepared: Path, ids: Sequence[str], found: Manifest, captions: Captions
) -> None:
    from webdataset import TarWriter

    # A fixed time of change, so that the same clips make the same file.
    with (
        replacing(path) as temporary,
        temporary.open("wb") as file,
        TarWriter(file, encoder=False, mtime=0.0) as writer,
    ):
        for n, id_ in enumerate(ids):
            sound = target(prepared, id_).read_bytes()
            facts = found[id_].model_dump_json().encode()
            texts = {TEXTS: json.dumps(captions[id_]).encode()} if id_ in captions else {}
            writer.write({"__key__": f"{n:08}", "flac": sound, "json": facts, **texts})


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()

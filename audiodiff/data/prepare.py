"""A corpus made ready for training: every clip checked, brought to one rate and written once.

Beside the sound lie the split lists, the labels and the texts of the clips if the corpus has them,
``manifest.jsonl`` with what was found of each clip, and ``prepare.json`` with the settings. A clip
is written before its line in the manifest, so a killed run goes on where it was and ends with the
same files.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from audiodiff.data.audio_files import SETTINGS_NAME
from audiodiff.data.cache import ClipFile
from audiodiff.data.captioned import write_captions
from audiodiff.data.corpus import Clip
from audiodiff.data.labelled import TABLE_NAME, write_table
from audiodiff.data.layouts import Layout
from audiodiff.data.prepare_clip import prepare_clip
from audiodiff.data.prepared import (
    MANIFEST_NAME,
    Facts,
    Manifest,
    PrepareSettings,
    read_manifest,
    target,
)
from audiodiff.errors import AudiodiffError
from audiodiff.system.atomic import replacing
from audiodiff.system.documents import read_json
from audiodiff.system.locks import claimed
from audiodiff.system.workers import completed

LOCK_NAME = ".prepare.lock"


def prepare(
    layout: Layout,
    out: Path,
    settings: PrepareSettings,
    pool: Executor,
    on_clips: Callable[[int], None],
) -> tuple[Layout, Manifest]:
    """Writes a corpus.

    Args:
        layout: The clips and their splits, as far as the corpus names them.
        out: Folder to write, or to continue.
        settings: What is done to each clip.
        pool: Workers that prepare the clips.
        on_clips: Called with the number of clips that have just been prepared.

    Returns:
        The clips and all of their splits, and what was found of each clip, in the same order.

    Raises:
        AudiodiffError: If ``out`` holds a corpus of other settings, cannot be written or is being
            written by another process, if no clip is left to train or to validate on, or if a
            process of the pool was killed.
    """
    with _own(out, settings):
        journal = out / f".{MANIFEST_NAME}"
        known = _still_true(
            layout, out, read_manifest(out / MANIFEST_NAME) | read_manifest(journal)
        )
        pending = [id_ for id_ in layout.files if id_ not in known]
        on_clips(len(layout.files) - len(pending))
        clips = (Clip(id=id_, path=layout.files[id_]) for id_ in pending)
        work = partial(prepare_clip, settings, out)
        with journal.open("a", encoding="utf-8") as file:
            for _, future in completed(pool, work, clips):
                facts = future.result()
                known[facts.id] = facts
                file.write(facts.model_dump_json() + "\n")
                file.flush()
                on_clips(1)
        found = dict(_without_duplicates(known[id_] for id_ in layout.files))
        for id_, facts in found.items():
            if facts.reason is not None:
                target(out, id_).unlink(missing_ok=True)
        layout = _with_lists(layout, out, found)
        with replacing(out / MANIFEST_NAME) as temporary:
            lines = (facts.model_dump_json() + "\n" for facts in found.values())
            temporary.write_text("".join(lines), encoding="utf-8")
        journal.unlink()
        return layout, found


@contextmanager
def _own(out: Path, settings: PrepareSettings) -> Iterator[None]:
    """Makes ``out`` the folder of a corpus of these settings, and keeps other processes away."""
    path = out / SETTINGS_NAME
    if out.exists() and not out.is_dir():
        raise AudiodiffError(f"{out} is a file; choose another --out")
    if not path.is_file() and out.exists() and set(out.iterdir()) - {out / LOCK_NAME}:
        raise AudiodiffError(f"{out} holds something else; choose another --out")
    busy = f"another process prepares {out}; wait until it is done, or choose another --out"
    with claimed(out, LOCK_NAME, busy):
        _check_settings(path, settings)
        for stale in out.rglob(".*.part.*"):
            stale.unlink()
        yield


def _check_settings(path: Path, settings: PrepareSettings) -> None:
    if not path.is_file():
        with replacing(path) as temporary:
            temporary.write_text(settings.model_dump_json(indent=2) + "\n", encoding="utf-8")
    elif PrepareSettings.parse(read_json(path, "remove that folder"), str(path)) != settings:
        raise AudiodiffError(
            f"{path.parent} was prepared with other settings, see {path}; choose another --out or "
            "remove that folder"
        )


def _still_true(layout: Layout, out: Path, known: Manifest) -> Manifest:
    """The facts about files that have not changed and whose results exist."""
    true: Manifest = {}
    for id_, path in layout.files.items():
        facts = known.get(id_)
        if facts is None or facts.source != ClipFile.of(Clip(id=id_, path=path)):
            continue
        # A duplicate has a digest and no file; whether it still is one shows when it is done again.
        if not facts.digest or target(out, id_).is_file():
            true[id_] = facts
    return true


def _without_duplicates(all_facts: Iterator[Facts]) -> Iterator[tuple[str, Facts]]:
    owners: dict[str, str] = {}
    for facts in all_facts:
        if facts.digest:
            owner = owners.setdefault(facts.digest, facts.id)
            if owner != facts.id:
                facts = facts.model_copy(update={"reason": f"it is the same sound as {owner}"})
        yield facts.id, facts


def _with_lists(layout: Layout, out: Path, found: Manifest) -> Layout:
    """Divides the clips that are fit for use, and writes their lists."""
    fit = {id_ for id_, facts in found.items() if facts.reason is None}
    if fit.intersection(layout.lists["train"]):
        layout = layout.with_held_out(fit)
    kept = {split: [id_ for id_ in ids if id_ in fit] for split, ids in layout.lists.items()}
    for split in ("train", "dev"):
        if not kept.get(split):
            raise AudiodiffError(
                f"no clip of {split} is fit for use; the first fault: {_first_fault(found)}"
            )
    for split, ids in kept.items():
        with replacing(out / f"{split}.txt") as temporary:
            temporary.write_text("".join(f"{id_}\n" for id_ in ids), encoding="utf-8")
    labels = {id_: layout.labels[id_] for id_ in found if id_ in fit and id_ in layout.labels}
    if labels:
        write_table(out / TABLE_NAME, labels)
    captions = {id_: layout.captions[id_] for id_ in found if id_ in fit & layout.captions.keys()}
    if captions:
        write_captions(out, captions)
    return layout


def _first_fault(found: Mapping[str, Facts]) -> str:
    for facts in found.values():
        if facts.reason is not None:
            return f"{facts.id}: {facts.reason}"
    return "its list names no clip"

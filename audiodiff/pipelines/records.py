"""The settings that made a sound, stored in its file, so that a later run knows its own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from audiodiff.audio.comments import comment_of
from audiodiff.errors import AudiodiffError
from audiodiff.model.found import weights_digest
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.system.documents import parse_json

MAKER = "audiodiff"

Setting: TypeAlias = str | int | float | Mapping[str, str]

Record: TypeAlias = Mapping[str, Setting]
"""The settings that a sound depends on, by name; ``labels`` are those of each kind."""


def record_of(model: Model, name: str, run: Run, more: Mapping[str, Setting | None]) -> Record:
    """The record of the sounds of a run.

    Args:
        model: The model.
        name: The model's name, see `recorded_name`.
        run: The run.
        more: Other settings by name; None leaves one out.
    """
    sampler = model.config.sampling.sampler if run.sampler is None else run.sampler
    steps = len(model.times(run)) - 1
    others = {"guidance_scale": run.guidance_scale, **more}
    given = {key: value for key, value in others.items() if value is not None}
    return {"model": name, "sampler": str(sampler), "steps": steps, **given}


def recorded_name(name: str) -> str:
    """A model's name in a record; for a directory, which may move, the digest of its weights."""
    return weights_digest(Path(name)) if name and Path(name).is_dir() else name


def written(record: Record) -> str:
    """A record as the comment of a file."""
    return json.dumps({MAKER: dict(record)})


def remark_on(there: Mapping[Path, Record]) -> str | None:
    """A sentence on the files among those there already that another run made; None if none was.

    Args:
        there: Files that a run leaves as they are, with the records that it would give them.
    """
    others = [(path, said) for path, own in there.items() if (said := _differences(path, own))]
    if not others:
        return None
    path, said = others[0]
    return f"another run made {len(others)} of the {len(there)} there already, e.g. {path}: {said}"


def record_in(path: Path) -> dict[str, Any]:
    """The record in a file, as it stands there; empty if there is none."""
    try:
        record = parse_json(comment_of(path), "its comment")[MAKER]
    except (AudiodiffError, KeyError, TypeError):
        return {}
    return record if isinstance(record, dict) else {}


def _differences(path: Path, record: Record) -> str:
    """How the record in a file differs; empty if it does not, or there is none."""
    theirs = record_in(path)
    if not theirs:
        return ""
    names = [name for name in {**record, **theirs} if theirs.get(name) != record.get(name)]
    return ", ".join(
        f"{name} {theirs.get(name, 'not given')}, now {record.get(name, 'not given')}"
        for name in names
    )

"""`audiodiff provenance`."""

import json
import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from audiodiff.cli.options import needs_watermark
from audiodiff.cli.terminal import console, exit_status
from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import sentence

if TYPE_CHECKING:
    from audiodiff.provenance.manifests import Manifest
    from audiodiff.provenance.record import Record


class Found(NamedTuple):
    """What is known of a sound file.

    Attributes:
        record: The record that this program stored.
        manifest: The C2PA manifest.
        unread: Whether there may be a manifest that cannot be read here.
        watermark: The detector's confidence in the watermark; None if it was not looked for.
    """

    record: "Record | None"
    manifest: "Manifest | None" = None
    unread: bool = False
    watermark: float | None = None


def provenance(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Sound files (wav, flac or ogg).", show_default=False),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON for each file.")
    ] = False,
    watermark: Annotated[
        bool,
        typer.Option(
            "--watermark",
            help="Also look for the watermark, which takes some seconds; needs the extra "
            "provenance.",
            callback=needs_watermark,
        ),
    ] = False,
) -> None:
    """Show what made sounds, as their files say.

    All of it can be removed or forged, so it is no proof. The exit status is 2 if no file can be
    read, and 1 if some cannot.
    """
    n_failed = 0
    for path in files:
        try:
            found = _found(path, watermark)
        except (AudiodiffError, OSError) as error:
            console.print(f"error: {sentence(error)}")
            n_failed += 1
            continue
        print(_json(path, found) if as_json else described(path, found))
    exit_status(n_failed < len(files), n_failed > 0)


def _found(path: Path, watermark: bool) -> Found:
    from audiodiff.provenance.files import read_record
    from audiodiff.provenance.manifests import can_be_read, may_hold_manifest, read_manifest

    record = read_record(path)
    readable = can_be_read()
    manifest = read_manifest(path) if readable else None
    unread = not readable and may_hold_manifest(path)
    return Found(record, manifest, unread, _watermark_in(path) if watermark else None)


def _watermark_in(path: Path) -> float:
    """The detector's confidence in the watermark of a sound file."""
    from audiodiff.audio.io import read_through
    from audiodiff.audio.reader import opened
    from audiodiff.provenance.watermark import RATE, confidence

    with opened(path, math.inf) as sound:
        return read_through(sound, RATE, partial(confidence, sample_rate=RATE))


def _json(path: Path, found: Found) -> str:
    record, manifest = found.record, found.manifest
    values: dict[str, object] = {
        "file": str(path),
        "provenance": record and record.model_dump(mode="json", exclude_defaults=True),
        "c2pa": manifest and manifest.model_dump(mode="json"),
    }
    if found.watermark is not None:
        values["watermark"] = round(found.watermark, 3)
    return json.dumps(values)


def described(path: Path, found: Found) -> str:
    """What is known as two columns, in which texts are escaped: anyone may have written them."""
    rows = {} if found.record is None else _rows(found.record)
    if found.manifest is not None:
        rows |= _manifest_rows(found.manifest)
    if found.unread:
        from audiodiff.provenance.manifests import PIP

        rows["c2pa"] = f"a manifest may be there; {PIP} to read it"
    if found.watermark is not None:
        from audiodiff.provenance.watermark import SURE

        verdict = "yes" if found.watermark >= SURE else "no"
        rows["watermark found"] = f"{verdict}, confidence {found.watermark:.3f}"
    if not rows:
        return f"{path}: says nothing about what made it"
    width = max(map(len, rows))
    return "\n".join([f"{path}:", *(f"  {name:{width}}  {value}" for name, value in rows.items())])


def _manifest_rows(manifest: "Manifest") -> dict[str, str]:
    """The C2PA manifest by names."""
    from audiodiff.config import named

    values = {
        name: value if isinstance(value, str) else ", ".join(value)
        for name, value in manifest.model_dump().items()
    }
    return {f"c2pa {name}": named(value) for name, value in values.items() if value}


def _rows(record: "Record") -> dict[str, str]:
    """The record by names."""
    from audiodiff.config import named
    from audiodiff.provenance.spans import in_words

    values = record.model_dump(exclude_defaults=True, exclude={"settings", "labels"})
    labels = {f"label {kind}": label for kind, label in record.labels.items()}
    others = {name: value for name, value in record.settings.items() if name not in values}
    rows = values | labels | others
    shown = {named(name.replace("_", " ")): named(str(value)) for name, value in rows.items()}
    return shown | {"synthetic": in_words(record.synthetic)}

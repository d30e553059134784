"""`audiodiff provenance`."""

import json
import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiodiff.cli.options import needs_watermark
from audiodiff.cli.terminal import console, exit_status
from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import sentence

if TYPE_CHECKING:
    from audiodiff.provenance.record import Record


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
    from audiodiff.provenance.files import read_record

    n_failed = 0
    for path in files:
        try:
            record = read_record(path)
            found = _watermark_in(path) if watermark else None
        except (AudiodiffError, OSError) as error:
            console.print(f"error: {sentence(error)}")
            n_failed += 1
            continue
        print(_json(path, record, found) if as_json else described(path, record, found))
    exit_status(n_failed < len(files), n_failed > 0)


def _watermark_in(path: Path) -> float:
    """The detector's confidence in the watermark of a sound file."""
    from audiodiff.audio.io import read_through
    from audiodiff.audio.reader import opened
    from audiodiff.provenance.watermark import RATE, confidence

    with opened(path, math.inf) as sound:
        return read_through(sound, RATE, partial(confidence, sample_rate=RATE))


def _json(path: Path, record: "Record | None", watermark: float | None) -> str:
    values = None if record is None else record.model_dump(mode="json", exclude_defaults=True)
    found = {} if watermark is None else {"watermark": round(watermark, 3)}
    return json.dumps({"file": str(path), "provenance": values, **found})


def described(path: Path, record: "Record | None", watermark: float | None = None) -> str:
    """What is known as two columns, in which texts are escaped: anyone may have written them."""
    rows = {} if record is None else _rows(record)
    if watermark is not None:
        from audiodiff.provenance.watermark import SURE

        found = "yes" if watermark >= SURE else "no"
        rows["watermark found"] = f"{found}, confidence {watermark:.3f}"
    if not rows:
        return f"{path}: says nothing about what made it"
    width = max(map(len, rows))
    return "\n".join([f"{path}:", *(f"  {name:{width}}  {value}" for name, value in rows.items())])


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

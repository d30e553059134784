"""`audiodiff provenance`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
) -> None:
    """Show what made sounds, as their files say.

    A record can be removed or forged, so it is no proof. The exit status is 2 if no file can be
    read, and 1 if some cannot.
    """
    from audiodiff.provenance.files import read_record

    n_failed = 0
    for path in files:
        try:
            record = read_record(path)
        except (AudiodiffError, OSError) as error:
            console.print(f"error: {sentence(error)}")
            n_failed += 1
            continue
        print(_json(path, record) if as_json else described(path, record))
    exit_status(n_failed < len(files), n_failed > 0)


def _json(path: Path, record: "Record | None") -> str:
    values = None if record is None else record.model_dump(mode="json", exclude_defaults=True)
    return json.dumps({"file": str(path), "provenance": values})


def described(path: Path, record: "Record | None") -> str:
    """The record as two columns, in which texts are escaped: anyone may have written them."""
    from audiodiff.config import named
    from audiodiff.provenance.spans import in_words

    if record is None:
        return f"{path}: says nothing about what made it"
    values = record.model_dump(exclude_defaults=True, exclude={"settings", "labels"})
    labels = {f"label {kind}": label for kind, label in record.labels.items()}
    others = {name: value for name, value in record.settings.items() if name not in values}
    rows = values | labels | others
    shown = {named(name.replace("_", " ")): named(str(value)) for name, value in rows.items()}
    shown["synthetic"] = in_words(record.synthetic)
    width = max(map(len, shown))
    return "\n".join([f"{path}:", *(f"  {name:{width}}  {value}" for name, value in shown.items())])

"""The application: every command, the version, and the entry point."""

import sys
from typing import Annotated

import typer

from audiodiff.cli.convert import convert
from audiodiff.cli.demo import demo
from audiodiff.cli.distill import distill
from audiodiff.cli.doctor import doctor
from audiodiff.cli.edit import edit
from audiodiff.cli.evaluate import evaluate
from audiodiff.cli.export import export
from audiodiff.cli.generate import generate
from audiodiff.cli.info import info
from audiodiff.cli.mel import mel
from audiodiff.cli.prepare import prepare
from audiodiff.cli.provenance import provenance
from audiodiff.cli.search import search
from audiodiff.cli.terminal import console, escape_unprintable
from audiodiff.cli.train import train
from audiodiff.cli.vocode import vocode
from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import sentence
from audiodiff.system.standard import fill_closed, flush_output
from audiodiff.system.workers import is_imported_by_worker

COMMANDS = (
    vocode,
    generate,
    mel,
    doctor,
    provenance,
    info,
    evaluate,
    demo,
    export,
    convert,
    prepare,
    train,
    distill,
    search,
)
"""In the order of the help: using a model first, making one last."""

app = typer.Typer(
    name="audiodiff",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(edit, name="edit")


def _print_version(wanted: bool | None) -> None:
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        print(f"audiodiff {version('audiodiff-vocoder')}")
    except PackageNotFoundError as error:
        raise AudiodiffError(
            "audiodiff runs without being installed, so it has no version; pip install it"
        ) from error
    raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool | None,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = None,
) -> None:
    """Turn mel spectrograms into sound by diffusion, in few steps."""


def main() -> None:
    """Runs the command line; a bad input ends it with one sentence and exit status 2.

    It does nothing while a process of ``--workers`` imports the program that calls it.
    """
    if is_imported_by_worker():
        return
    fill_closed()
    escape_unprintable()
    try:
        try:
            app(prog_name="audiodiff")
        finally:
            flush_output()
    except (AudiodiffError, OSError) as error:
        console.print(f"error: {sentence(error)}")
        sys.exit(2)

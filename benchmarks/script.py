"""How every benchmark is run: a bad input is one sentence and exit status 2."""

import sys
from collections.abc import Callable

import typer

from audiodiff import AudiodiffError
from audiodiff.files import sentence


def run_script(main: Callable[..., None]) -> None:
    """Runs the command that a function with typer's annotations is."""
    try:
        typer.run(main)
    except (AudiodiffError, OSError) as error:
        print(f"error: {sentence(error)}", file=sys.stderr)
        sys.exit(2)

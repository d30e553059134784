"""`audiodiff demo`."""

from typing import Annotated

import typer

from audiodiff.cli.options import A_MODEL, Threads
from audiodiff.cli.terminal import require


def demo(
    model: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Model that visitors can choose: {A_MODEL}; those of the package if not given. "
            "May be repeated. Models that take no mel have a tab of their own."
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines connect.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 7860,
    share: Annotated[
        bool, typer.Option("--share", help="Create a public link through Gradio's relay.")
    ] = False,
    threads: Threads = None,
) -> None:
    """Serve a web page to vocode, generate, edit, compare and watch runs; it works offline."""
    require("the demo", "demo", "gradio", "pystoi", "auraloss")
    from audiodiff.demo.server import launch
    from audiodiff.system.threads import computing, n_threads

    with computing(n_threads(threads)):  # each visitor's thread then has as many
        launch(model or (), host, port, share)

"""`audiodiff demo`."""

from typing import Annotated

import typer

from audiodiff.cli.terminal import require


def demo(
    model: Annotated[
        list[str] | None,
        typer.Option(help="What can be chosen: a name, directory or hub id; may be given often."),
    ] = None,
    host: Annotated[str, typer.Option(help="Whom to serve; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where.", min=1, max=65535)] = 7860,
    share: Annotated[
        bool, typer.Option("--share", help="A public link by Gradio's relay.")
    ] = False,
) -> None:
    """Serve a page to vocode, compare and look on; offline, with the default model."""
    require("the demo", "demo", "gradio", "pesq")
    from audiodiff.demo.page import launch
    from audiodiff.model.hub import model_directory

    models = model or ["default"]
    for name in models:
        model_directory(name)  # a wrong name is told now, not to a visitor
    launch(models, host, port, share)

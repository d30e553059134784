"""`audiodiff export`."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli.options import ModelName, Sampler, Steps
from audiodiff.cli.terminal import console, require


def export(
    model: ModelName,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE.onnx", help="ONNX file to write.")
    ],
    steps: Steps = None,
    sampler: Sampler = None,
    noise_input: Annotated[
        bool,
        typer.Option(
            "--noise-input", help="Take the noise as a second input, so that runs can be repeated."
        ),
    ] = False,
) -> None:
    """Export a model's whole run as an ONNX graph: a mel in, sound out."""
    require("export", "onnx", "onnx", "onnxscript")
    from audiodiff.export.onnx import export_onnx
    from audiodiff.export.run import UnrolledRun
    from audiodiff.model.hub import model_directory
    from audiodiff.model.model import Model
    from audiodiff.system.jobs import check_file

    check_file(out)  # now, not after a minute of tracing
    run = UnrolledRun(Model.load(model_directory(model)), steps, sampler)
    console.print(f"tracing {len(run.times) - 1} steps; this takes a minute or more")
    export_onnx(run, out, noise_input)
    shape = f", noise (batch, {run.n_draws}, samples)" if noise_input else ""
    console.print(f"wrote {out}: mel (batch, {run.n_mels}, frames){shape} to audio")

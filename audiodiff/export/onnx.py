"""A model's whole run as one ONNX graph, for onnxruntime and software built on it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from audiodiff.export.projection import GraphProjection
from audiodiff.export.run import UnrolledRun
from audiodiff.model.model import Model
from audiodiff.system.atomic import replacing

if TYPE_CHECKING:
    from onnx import GraphProto

OPSET = 20
"""Version of ONNX operators: the first whose DFT takes its axis as an input."""


def export_onnx(run: UnrolledRun, path: str | Path, noise_input: bool = False) -> None:
    """Writes the graph of a run.

    Inputs are ``mel`` (batch, n_mels, frames) and, if asked for, ``noise`` (batch, n_draws,
    samples); the output is ``audio`` (batch, 1, samples). The metadata call it a HiFi-GAN, as which
    sherpa-onnx reads it, and hold the figures of the mel and the run.

    Args:
        run: The run to write.
        path: The file.
        noise_input: Whether the noise is an input, which makes the output reproducible; if not,
            the graph draws it.

    Raises:
        AudiodiffError: If the file cannot be written.
    """
    import onnx

    config = run.model.config
    assert config.mel is not None, "UnrolledRun checks this"
    # Sizes that no other axis has, so that the exporter tells the axes apart.
    batch, n_frames = 3, 21
    inputs = [torch.zeros(batch, config.mel.n_mels, n_frames)]
    if noise_input:
        inputs.append(torch.zeros(batch, run.n_draws, n_frames * config.hop_length))
    auto = torch.export.Dim.AUTO
    with torch.no_grad(), _graph_terms(run.model), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            run,
            tuple(inputs),
            dynamo=True,
            dynamic_shapes=tuple({0: auto, 2: auto} for _ in inputs),
            input_names=["mel", "noise"][: len(inputs)],
            output_names=["audio"],
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None, "torch gives None only where it writes a file"
    graph = program.model_proto
    _raise_loops(graph.graph)
    axes = [("batch", "frames"), ("batch", "samples")]
    for value, (first, last_axis) in zip(graph.graph.input, axes, strict=False):
        value.type.tensor_type.shape.dim[0].dim_param = first
        value.type.tensor_type.shape.dim[2].dim_param = last_axis
    facts = {
        "model_type": "hifigan",
        "sample_rate": config.sample_rate,
        "hop_length": config.hop_length,
        "n_mels": config.mel.n_mels,
        "steps": len(run.times) - 1,
        "mel": config.mel.model_dump_json(),
    }
    onnx.helper.set_model_props(graph, {name: str(value) for name, value in facts.items()})
    with replacing(Path(path)) as part:
        onnx.save(graph, part)


@contextmanager
def _graph_terms(model: Model) -> Iterator[None]:
    """Replaces a model's projection by `GraphProjection` during the export."""
    assert model.log_mel is not None, "UnrolledRun checks this"
    plain, model.project = model.project, GraphProjection(model.log_mel)
    try:
        yield
    finally:
        model.project = plain


def _raise_loops(graph: "GraphProto", inside: bool = False) -> None:
    """Gives transforms in loops their axis as an input, as `OPSET` requires.

    The exporter writes opset 18 and converts it, but not within loops.
    """
    from onnx import AttributeProto, helper

    for node in list(graph.node):
        for attribute in list(node.attribute):
            if attribute.type == AttributeProto.GRAPH:
                _raise_loops(attribute.g, inside=True)
            elif inside and node.op_type == "DFT" and attribute.name == "axis":
                name = f"{node.name}_axis"
                constant = helper.make_node("Constant", [], [name], value_int=attribute.i)
                graph.node.insert(0, constant)
                node.attribute.remove(attribute)
                node.input.append(name)

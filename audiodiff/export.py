"""A model's whole run as one ONNX graph, for onnxruntime and what builds on it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn
from torch._higher_order_ops.while_loop import while_loop

from audiodiff._types import Mel, State, Wave
from audiodiff.atomic import replacing
from audiodiff.audio.factored import FactoredSTFT
from audiodiff.audio.frames import silence_around
from audiodiff.audio.mel import LogMel
from audiodiff.diffusion.consistency import MelProjection, momentum
from audiodiff.errors import AudiodiffError
from audiodiff.model import Model
from audiodiff.samplers.ancestral import Clamped
from audiodiff.samplers.loop import build_sampler, last
from audiodiff.samplers.unrolled import Unrolled

if TYPE_CHECKING:
    from onnx import GraphProto

OPSET = 20
"""Of ONNX: the first whose DFT takes its axis as an input."""


class GraphProjection(MelProjection):
    """The projection in a graph's terms: its passes are a loop, their transforms products.

    Ninety passes written out never end, and onnxruntime takes many times longer for a DFT of its
    own than for products.
    """

    def __init__(self, log_mel: LogMel) -> None:
        super().__init__(log_mel)
        self.transform = FactoredSTFT(self.window, self.hop_length)

    def _passes(self, wave: Wave, wanted: Mel, n_passes: int) -> Wave:
        if n_passes == 1:
            return super()._passes(wave, wanted, n_passes)
        momenta = torch.tensor([0.0, *momentum(n_passes)])

        def more(n: Tensor, before: Wave, wave: Wave) -> Tensor:
            return n < n_passes

        def turn(n: Tensor, before: Wave, wave: Wave) -> tuple[Tensor, Wave, Wave]:
            after = self._pass(wave, wanted)
            onward = after + momenta.index_select(0, n[None]) * (after - before)
            return n + 1, after.contiguous(), onward.contiguous()

        first = self._pass(wave, wanted).contiguous()
        return while_loop(more, turn, (torch.tensor(1), first, first.clone()))[1]

    def _spectrum(self, wave: Wave) -> Complex[Tensor, "batch bins frames"]:
        padded = silence_around(wave, len(self.window), self.hop_length, self.n_padding)
        return torch.complex(*self.transform.analysis(padded))

    def _sound(self, spectrum: Complex[Tensor, "batch bins frames"], n_frames: int) -> Wave:
        wave = self.transform.synthesis(spectrum.real, spectrum.imag)
        wave = wave / self.transform.weights(n_frames).clamp(min=1e-8)
        return wave.narrow(1, self.n_padding, n_frames * self.hop_length)


class UnrolledRun(nn.Module):
    """A run of a model as a function of the mel and of noise, without a choice in it.

    Args:
        model: One with a mel; it runs in float32.
        n_steps: None for the default run.
        sampler: By name; None for the model's own.

    Attributes:
        n_draws: Waves of noise that a run takes.
        n_mels: Bands of the mel that it takes.
        times: Of the run.

    Raises:
        AudiodiffError: If the model has no mel, or a name or number is wrong.
    """

    def __init__(
        self, model: Model, n_steps: int | None = None, sampler: str | None = None
    ) -> None:
        super().__init__()
        if model.config.mel is None:
            raise AudiodiffError("this model takes no mel; only runs from a mel can be exported")
        self.n_mels = model.config.mel.n_mels
        self.model = model.float().eval()
        model.bf16 = False
        sampling = model.config.sampling
        self.times = model.times(n_steps, sampler)
        unrolled = Unrolled(build_sampler(sampler or sampling.sampler), model.schedule, self.times)
        self.sampler = unrolled if sampling.clamp is None else Clamped(unrolled, sampling.clamp)
        draws = sum(call is None for step in unrolled.steps for call in step.calls)
        self.n_draws = 1 + draws + bool(sampling.start_passes)

    def forward(
        self, mel: Mel, noise: Float[Tensor, "batch draws samples"] | None = None
    ) -> Float[Tensor, "batch 1 samples"]:
        """The sound of a mel.

        Args:
            mel: (batch, n_mels, frames).
            noise: White, unit variance, (batch, n_draws, frames x hop_length), in the order in
                which the run draws; None draws it here.
        """
        n_samples = mel.shape[2] * self.model.config.hop_length
        if noise is None:
            noise = torch.randn(mel.shape[0], self.n_draws, n_samples)
        places = count()

        def white(like: State, step: int) -> State:
            return noise[:, next(places)]

        like = mel.new_zeros(mel.shape[0], n_samples)
        state = last(self.model.run(like, mel, self.times, self.sampler, white))
        return self.model.codec.decode(state, n_samples)[:, None]


def export_onnx(run: UnrolledRun, path: Path, noise_input: bool = False) -> None:
    """Writes the graph of a run.

    Inputs are ``mel`` (batch, n_mels, frames) and, if asked for, ``noise`` (batch, n_draws,
    samples); the output is ``audio`` (batch, 1, samples). That is what sherpa-onnx reads as a
    HiFi-GAN, which its metadata say it is; they hold the figures of the mel and the run, too.

    Args:
        run: What to write.
        path: The file.
        noise_input: Whether the noise is an input, so that the same in gives the same out; else
            the graph draws it.

    Raises:
        AudiodiffError: If the file cannot be written.
    """
    import onnx

    config = run.model.config
    assert config.mel is not None, "UnrolledRun checks this"
    # Sizes that no other axis has, or they would be taken for one.
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
    with replacing(path) as part:
        onnx.save(graph, part)


@contextmanager
def _graph_terms(model: Model) -> Iterator[None]:
    """Has a model make its passes as a graph does, for as long as it is exported."""
    assert model.log_mel is not None, "UnrolledRun checks this"
    plain, model.project = model.project, GraphProjection(model.log_mel)
    try:
        yield
    finally:
        model.project = plain


def _raise_loops(graph: "GraphProto", inside: bool = False) -> None:
    """Gives transforms in loops their axis as an input, as `OPSET` wants it.

    The exporter writes opset 18 and raises it, but not within loops.
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

"""A model's whole run as one ONNX graph, for onnxruntime and what builds on it."""

import warnings
from itertools import count
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from audiodiff._types import Mel, State
from audiodiff.atomic import replacing
from audiodiff.errors import AudiodiffError
from audiodiff.model import Model
from audiodiff.samplers.ancestral import Clamped
from audiodiff.samplers.loop import build_sampler, last
from audiodiff.samplers.unrolled import Unrolled

OPSET = 20
"""Of ONNX: the first whose DFT takes its axis as an input."""


MAX_PASSES = 16
"""Onto the mel, each of which is written out: the time that writing takes grows with their square,
and sixteen are a minute or two."""


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
        AudiodiffError: If the model has no mel, the run has too many passes onto it, or a name or
            number is wrong.
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
        passes = sampling.start_passes + sampling.mel_passes
        passes += sampling.passes_between * (len(self.times) - 2)
        if passes > MAX_PASSES:
            raise AudiodiffError(
                f"{len(self.times) - 1} steps of this model make {passes} passes onto the mel, and "
                f"a graph holds {MAX_PASSES} at most; give fewer steps, or a copy of the model "
                "whose config.json has a smaller sampling.passes_between or mel_passes"
            )
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
    with torch.no_grad(), warnings.catch_warnings():
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

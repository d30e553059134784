"""Compares onnxruntime with PyTorch: speed and quality of one run of a model, as a table.

The graph takes the noise as an input, so that all systems make the same sound from the same noise.
They use float32, or 8 bits for weights and products, and the same number of threads. Times are
medians of several runs.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from jaxtyping import Float
from script import run_script

from audiodiff import Vocoder
from audiodiff.audio import io
from audiodiff.export.onnx import export_onnx
from audiodiff.export.run import UnrolledRun
from audiodiff.metrics.perceptual import pesq_wb
from audiodiff.metrics.spectral import multi_resolution_stft
from audiodiff.model.hub import model_directory
from audiodiff.model.model import Model

CLIP = Path(__file__).resolve().parents[1] / "examples" / "arctic_a0016.wav"

Sound = Float[np.ndarray, "1 1 samples"]


def timed(make: Callable[[], Sound], repeats: int) -> tuple[Sound, float]:
    """The sound, and the median of the seconds that it takes to make."""
    sound, spent = make(), []
    for _ in range(repeats):
        start = time.perf_counter()
        make()
        spent.append(time.perf_counter() - start)
    return sound, statistics.median(spent)


def quantized(graph: Path) -> Path:
    """Writes the graph with 8-bit matrix products and convolutions, scaled at run time."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = graph.with_name("int8.onnx")
    quantize_dynamic(graph, path, weight_type=QuantType.QUInt8)
    return path


def main(
    clip: Annotated[Path, typer.Argument(help="Recording of speech.")] = CLIP,
    model: Annotated[str, typer.Option(help="Model: a directory, a hub id or a name.")] = "default",
    steps: Annotated[
        int | None,
        typer.Option(help="Number of sampler steps; the model's default if not given.", min=1),
    ] = None,
    threads: Annotated[int, typer.Option(help="Number of CPU threads.", min=1)] = 2,
    repeats: Annotated[int, typer.Option(help="Number of timed runs.", min=1)] = 5,
) -> None:
    """Compare the speed and quality of onnxruntime and PyTorch."""
    import onnxruntime

    vocoder = Vocoder.from_pretrained(model)
    wave, rate = io.load(clip, vocoder.sample_rate)
    mel = vocoder.mel(vocoder.whole_frames(torch.from_numpy(wave)[None]))
    run = UnrolledRun(Model.load(model_directory(model)), steps)
    n_samples = mel.shape[2] * vocoder.hop_length
    noise = torch.randn(1, run.n_draws, n_samples, generator=torch.Generator().manual_seed(0))
    inputs = {"mel": mel.numpy(), "noise": noise.numpy()}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads

    def by_torch(n_threads: int) -> Sound:
        torch.set_num_threads(n_threads)
        with torch.inference_mode():
            return run(mel, noise).numpy()

    def by_graph(path: Path) -> Callable[[], Sound]:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, inputs)[0]

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "float32.onnx"
        export_onnx(run, path, noise_input=True)
        graphs = {"onnxruntime": path, "onnxruntime, int8": quantized(path)}
        systems = {
            "PyTorch": partial(by_torch, threads),
            # Shows how much rounding alone changes.
            "PyTorch, one thread": partial(by_torch, 1),
        } | {name: by_graph(graph) for name, graph in graphs.items()}
        sizes = {name: f"{g.stat().st_size / 2**20:.1f}" for name, g in graphs.items()}
    results = {name: timed(make, repeats) for name, make in systems.items()}

    seconds = len(wave) / rate
    expected, torch_time = results["PyTorch"]
    print(
        f"Model {model}, {len(run.times) - 1} steps, {seconds:.1f} s of {clip.name}, {threads} "
        f"threads, torch {torch.__version__}, onnxruntime {onnxruntime.__version__}.\n"
    )
    heads = ["system", "MiB", "real-time factor", "to PyTorch", "difference", "PESQ", "M-STFT"]
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for name, (sound, spent) in results.items():
        made = sound[0, 0, : len(wave)]
        cells = [
            name,
            sizes.get(name, "-"),
            f"{spent / seconds:.3f}",
            f"{spent / torch_time:.2f}",
            f"{np.abs(sound - expected).max() / np.abs(expected).max():.0e}",
            f"{pesq_wb(wave, made, rate):.2f}",
            f"{multi_resolution_stft(wave, made, rate):.2f}",
        ]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    run_script(main)

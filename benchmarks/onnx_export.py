"""onnxruntime beside PyTorch: speed and difference of one run of a model, in one table.

The graph is written with noise as an input, so both make the same sound from the same noise, in
float32 and with the same number of threads; the median of several runs counts.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from audiodiff import AudiodiffError, Vocoder
from audiodiff.audio import io
from audiodiff.export import UnrolledRun, export_onnx
from audiodiff.hub import model_directory
from audiodiff.model import Model

CLIP = Path(__file__).resolve().parents[1] / "examples" / "arctic_a0016.wav"


def timed(make: Callable[[], np.ndarray], repeats: int) -> tuple[np.ndarray, float]:
    """The sound, and the median of the seconds that it takes."""
    sound, spent = make(), []
    for _ in range(repeats):
        start = time.perf_counter()
        make()
        spent.append(time.perf_counter() - start)
    return sound, statistics.median(spent)


def main(
    clip: Annotated[Path, typer.Argument(help="A recording of speech.")] = CLIP,
    model: str = "default",
    steps: Annotated[int | None, typer.Option(help="The model's own by default.", min=1)] = None,
    threads: Annotated[int, typer.Option(help="Of the CPU.", min=1)] = 2,
    repeats: Annotated[int, typer.Option(help="Timed runs.", min=1)] = 5,
) -> None:
    """Prints the table."""
    import onnxruntime

    torch.set_num_threads(threads)
    vocoder = Vocoder.from_pretrained(model)
    wave, rate = io.load(clip, vocoder.sample_rate)
    mel = vocoder.mel(vocoder.whole_frames(torch.from_numpy(wave)[None]))
    run = UnrolledRun(Model.load(model_directory(model)), steps)
    n_samples = mel.shape[2] * vocoder.hop_length
    noise = torch.randn(1, run.n_draws, n_samples, generator=torch.Generator().manual_seed(0))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(run, path, noise_input=True)
        size = path.stat().st_size / 2**20
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def by_torch() -> np.ndarray:
        with torch.inference_mode():
            return run(mel, noise).numpy()

    inputs = {"mel": mel.numpy(), "noise": noise.numpy()}
    seconds = len(wave) / rate
    expected, torch_time = timed(by_torch, repeats)
    made, onnx_time = timed(lambda: session.run(None, inputs)[0], repeats)
    difference = np.abs(made - expected).max() / np.abs(expected).max()
    print(
        f"Model {model}, {len(run.times) - 1} steps, {seconds:.1f} s of {clip.name}, {threads} "
        f"threads, float32, torch {torch.__version__}, onnxruntime {onnxruntime.__version__}; "
        f"a graph of {size:.1f} MiB.\n"
    )
    print("| system | real-time factor | to PyTorch | greatest difference over the peak |")
    print("| --- | --- | --- | --- |")
    print(f"| PyTorch | {torch_time / seconds:.4f} | 1.00 | - |")
    print(
        f"| onnxruntime | {onnx_time / seconds:.4f} | {onnx_time / torch_time:.2f} | "
        f"{difference:.1e} |"
    )


if __name__ == "__main__":
    try:
        typer.run(main)
    except AudiodiffError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)

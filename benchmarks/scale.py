"""Estimates what training would need on many GPUs from measurements on one machine.

Measured: the floating-point operations of a step per second of sound, as benchmarks/training.py
counts them; the bytes of a step's gradients; and the rate at which one core reads, decodes and
crops sound from shards. Assumed, and printed: the rate that a GPU reaches. For each number of GPUs
this gives the hours of sound learned from per second, the cores that decode it, and the bytes
transferred.

    python benchmarks/scale.py recipes/speech/bandsplit.toml --plot scale.png
"""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
import typer
from matplotlib.figure import Figure
from script import run_script
from training import Steps

from audiodiff.audio import io
from audiodiff.audio.plots import save_figure
from audiodiff.data.crops import crop_batch
from audiodiff.data.layouts import Layout
from audiodiff.data.prepare import prepare
from audiodiff.data.prepared import PrepareSettings
from audiodiff.data.shard_writer import write_shards
from audiodiff.data.shards import Shards
from audiodiff.training.config import TrainConfig, read_train_config

CLIP = Path(__file__).resolve().parents[1] / "examples" / "arctic_a0016.wav"
GPUS = (1, 8, 64)
N_CLIPS = 64
SHARD_BYTES = 2**21


class Feeding(NamedTuple):
    """How fast one core prepares training data.

    Attributes:
        rate: Seconds of sound in crops, per second of computing.
        n_bytes: Bytes of a shard per second of its sound.
    """

    rate: float
    n_bytes: float


def feeding(config: TrainConfig) -> Feeding:
    """Measures how fast one core makes crops, from shards of a clip at many gains."""
    sample_rate = config.model.sample_rate
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(1) as pool:
        folder = Path(name)
        wave, _ = io.load(CLIP, sample_rate)
        files = {f"{i:03}": folder / "raw" / f"{i:03}.wav" for i in range(N_CLIPS)}
        for i, path in enumerate(files.values()):
            io.save(path, wave * (0.5 + 0.5 * i / N_CLIPS), sample_rate)
        layout = Layout(files, {"train": list(files)[2:], "dev": list(files)[:2]})
        settings = PrepareSettings(sample_rate=sample_rate)
        prepare(layout, folder / "out", settings, pool, lambda n: None)
        write_shards(folder / "out", folder / "shards", SHARD_BYTES, lambda shard: None)
        size = sum(path.stat().st_size for path in (folder / "shards").glob("train*.tar"))
        shards = Shards(str(folder / "shards"), 0, config.n_samples, config.batch_size, 1)
        n_batches = round(shards.duration * sample_rate / config.n_samples / config.batch_size)
        start = time.process_time()  # includes the thread that fetches shards
        for n in range(n_batches):
            crop_batch(
                shards,
                seed=0,
                start=n * config.batch_size,
                batch_size=config.batch_size,
                n_samples=config.n_samples,
                augment=config.data,
            )
        spent = time.process_time() - start
    seconds = n_batches * config.batch_size * config.n_samples / sample_rate
    return Feeding(seconds / spent, size / shards.duration)


def main(
    path: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="Configuration of the run.")],
    tflops: Annotated[
        float, typer.Option(help="Assumed rate that a GPU reaches in training, in TFLOP/s.", min=1)
    ] = 100.0,
    plot: Annotated[Path | None, typer.Option(help="Image file to draw the table to.")] = None,
) -> None:
    """Estimate what training would need on many GPUs."""
    torch.set_num_threads(1)
    config = read_train_config(path)
    steps = Steps(config, torch.device("cpu"))
    crop = config.data.crop_frames * config.model.hop_length / config.model.sample_rate
    per_second = steps.flops() / (config.batch_size * config.accumulation * crop)
    gradient = sum(p.numel() for p in steps.model.network.parameters()) * 4
    fed = feeding(config)
    print(
        f"{path}: {per_second / 1e9:.1f} GFLOP for a second of sound, {gradient / 1e6:.1f} MB of "
        f"gradients a step; one core makes {fed.rate:.0f} seconds of crops a second from shards of "
        f"{fed.n_bytes / 1e3:.0f} kB a second. Assumed: {tflops:g} TFLOP/s a GPU.\n"
    )
    heads = ["GPUs", "sound learned from (hours/s)", "cores that decode", "shards read (MB/s)"]
    heads += ["gradients through each GPU (MB a step)"]
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    rates = {n: n * tflops * 1e12 / per_second for n in GPUS}
    for n, rate in rates.items():
        # A ring passes each gradient on twice, apart from each process's own share.
        ring = 2 * (n - 1) / n * gradient / 1e6
        cells = [f"{n}", f"{rate / 3600:.1f}", f"{rate / fed.rate:.0f}"]
        cells += [f"{rate * fed.n_bytes / 1e6:.0f}", f"{ring:.1f}"]
        print(f"| {' | '.join(cells)} |")
    if plot is not None:
        save_figure(_figure(rates, fed), plot)


def _figure(rates: dict[int, float], fed: Feeding) -> Figure:
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    panels = {
        "sound learned from, hours/s": [rate / 3600 for rate in rates.values()],
        "cores that decode": [rate / fed.rate for rate in rates.values()],
        "shards read, MB/s": [rate * fed.n_bytes / 1e6 for rate in rates.values()],
    }
    for axis, (name, values) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        axis.bar([str(n) for n in rates], values)
        axis.set(xlabel="GPUs", ylabel=name, yscale="log")
    return figure


if __name__ == "__main__":
    run_script(main)

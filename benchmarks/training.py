"""Measures the speed of training, and the share of the machine's matrix rate that it uses.

Takes the steps of a recipe as the trainer does, including the average of the weights, but on noise
made beforehand instead of crops, and without logs and checkpoints. PyTorch counts the matrix
products and convolutions of one forward and backward pass. Their rate is compared with that of one
large product in bfloat16, measured in the same run with the same threads.

    python benchmarks/training.py recipes/speech/bandsplit.toml --threads 2
"""

import time
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
import typer
from script import run_script
from torch.utils.flop_counter import FlopCounterMode

from audiodiff.model.model import Model
from audiodiff.system.devices import use_bf16
from audiodiff.training.config import TrainConfig, read_train_config
from audiodiff.training.objectives import Batch
from audiodiff.training.optimizers import build_optimizer
from audiodiff.training.state import Average

N_WARM_UP = 2
N_PRODUCTS = 10


class Figures(NamedTuple):
    """The result of a measurement.

    Attributes:
        audio_rate: Seconds of sound trained on per second.
        flop_rate: FLOP/s in matrix products and convolutions.
        matrix_rate: FLOP/s of a large product in bfloat16.
    """

    audio_rate: float
    flop_rate: float
    matrix_rate: float


class Steps:
    """The trainer's steps, taken on noise.

    Args:
        config: Configuration of the run.
        device: Device to run on.
    """

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        # As if the device were the only one: `auto` would go by the machine's GPU.
        precision = "bf16" if use_bf16(config.precision, device) else "fp32"
        config = config.model_copy(update={"precision": precision})
        self.config, self.device = config, device
        self.model = Model(config.model).to(device)
        self.objective = config.objective.build(self.model, config.setting).to(device)
        self.optimizer = build_optimizer(self.model.network, config.optimizer)
        self.average = Average(self.model.network, config.ema_decay)
        self.wave = 0.1 * torch.randn(config.batch_size, config.n_samples)
        self.n_done = 0

    def add_gradient(self) -> None:
        """Makes one pass, forward and backward."""
        config = self.config
        batch = Batch(self.wave, {}, config.seed, 0)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.bf16):
            loss, _ = self.objective(batch.to(self.device))
        (loss / config.accumulation).backward()

    def step(self) -> None:
        """Takes one step of the optimiser."""
        for _ in range(self.config.accumulation):
            self.add_gradient()
        network = self.model.network
        torch.nn.utils.clip_grad_norm_(network.parameters(), self.config.optimizer.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.n_done += 1
        self.average.update(network, self.n_done)

    def flops(self) -> int:
        """FLOPs of a step's matrix products and convolutions; a multiply-add counts as two."""
        with FlopCounterMode(display=False) as counter:
            self.add_gradient()
        self.optimizer.zero_grad()
        return counter.get_total_flops() * self.config.accumulation


def now(device: torch.device) -> float:
    """The clock in seconds, after the device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def matrix_rate(device: torch.device, size: int) -> float:
    """The best FLOP/s of (size, size) products in bfloat16."""
    factor = torch.randn(size, size, device=device).bfloat16()
    spent = []
    for _ in range(N_PRODUCTS):
        start = now(device)
        factor @ factor
        spent.append(now(device) - start)
    return 2 * size**3 / min(spent)


def measure(config: TrainConfig, n_steps: int, device: torch.device, matrix_size: int) -> Figures:
    """Takes steps and times them."""
    rate = matrix_rate(device, matrix_size)
    steps = Steps(config, device)
    flops = steps.flops()
    if config.compile:
        steps.model.network.compile()
    for _ in range(N_WARM_UP):
        steps.step()
    start = now(device)
    for _ in range(n_steps):
        steps.step()
    step_rate = n_steps / (now(device) - start)
    frames = config.batch_size * config.accumulation * config.data.crop_frames
    seconds = frames * config.model.hop_length / config.model.sample_rate
    return Figures(seconds * step_rate, flops * step_rate, rate)


def main(
    recipe: Annotated[
        Path,
        typer.Argument(metavar="CONFIG.toml", help="Configuration of the run.", show_default=False),
    ],
    steps: Annotated[int, typer.Option(help="Number of timed steps.", min=1)] = 20,
    threads: Annotated[
        int | None,
        typer.Option(help="Number of CPU threads; PyTorch's default if not given.", min=1),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Setting that overrides the config, as key=value; may be repeated."
        ),
    ] = None,
) -> None:
    """Measure the speed of training, on the GPU if there is one."""
    config = read_train_config(recipe, set_ or [])
    if threads is not None:
        torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    figures = measure(config, steps, device, 8192 if device.type == "cuda" else 2048)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print("| device | threads | precision | audio-s/s | TFLOP/s | matrix rate | fraction |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print(
        f"| {name} | {torch.get_num_threads()} | {config.precision} | {figures.audio_rate:.1f} | "
        f"{figures.flop_rate / 1e12:.3f} | {figures.matrix_rate / 1e12:.3f} | "
        f"{figures.flop_rate / figures.matrix_rate:.2f} |"
    )


if __name__ == "__main__":
    run_script(main)

"""Measures the memory and the time of a U-Net with attention against the length of a sound.

MODEL diffuses mels or latents of them. Each length is tried in a process of its own, which makes
one denoised estimate of a state of noise, as every step of a run does, without codec and vocoder.
Memory is what that adds to the peak after loading and an estimate of a second; time is that of the
CPU, on one thread. The same weights with a single window over the whole sound stand beside it.
"""

import sys
import time
from typing import Annotated

import torch
import typer
from script import alone, machine, run_script
from speed import peak_mib, table

from audiodiff import AudiodiffError, Model
from audiodiff.config import Config, Size
from audiodiff.model.hub import model_directory
from audiodiff.networks import UNet
from audiodiff.networks.attention import WindowAttention

LENGTHS = (1, 10, 60, 300, 600)
"""Lengths of sound in seconds."""


class Case(Config):
    """A measurement to make.

    Attributes:
        model: Name of the model.
        seconds: Length of the sound.
        whole: Whether its steps attend to all others.
    """

    model: str
    seconds: float
    whole: bool


class Figures(Config):
    """The result of a measurement.

    Attributes:
        n_steps: Steps of the state.
        memory: Peak memory above that after an estimate of a second, in MiB.
        seconds: CPU time of the estimate.
    """

    n_steps: Size
    memory: float
    seconds: float


def measure(case: Case) -> Figures:
    """Makes an estimate in this process.

    Raises:
        AudiodiffError: If the model has no U-Net with attention.
    """
    torch.set_num_threads(1)
    model = Model.load(model_directory(case.model))
    windows = [part for part in model.network.modules() if isinstance(part, WindowAttention)]
    if not isinstance(model.network, UNet) or not windows:
        raise AudiodiffError(f"{case.model} has no U-Net with attention; give a model that has one")
    if case.whole:
        for part in windows:
            part.window = sys.maxsize

    def estimate(seconds: float) -> int:
        n_steps = max(1, round(seconds * model.config.sample_rate / model.codec.hop_length))
        x_t = torch.randn(1, *model.config.codec.shape, n_steps)
        context = model.context({}, n_steps * model.codec.hop_length)
        context.denoiser({})(x_t, torch.full((1,), 0.5, dtype=torch.float64))
        return n_steps

    with torch.no_grad():
        estimate(1)
        before, start = peak_mib(), time.process_time()
        n_steps = estimate(case.seconds)
    spent = time.process_time() - start
    return Figures(n_steps=n_steps, memory=peak_mib() - before, seconds=spent)


def run_alone(case: Case) -> Figures:
    """Makes an estimate in a process of its own.

    Raises:
        AudiodiffError: If that process fails, with its last line of output.
    """
    words = [__file__, case.model, "--one", case.model_dump_json()]
    return Figures.model_validate_json(alone(words, 1))


def main(
    model: Annotated[str, typer.Argument(help="Model with a U-Net.")] = "digits",
    one: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure the memory of attention up to ten minutes of sound."""
    if one is not None:
        print(measure(Case.model_validate_json(one)).model_dump_json())
        return
    rows = []
    for seconds in LENGTHS:
        cells = [f"{seconds}"]
        for whole in (False, True):
            figures = run_alone(Case(model=model, seconds=seconds, whole=whole))
            cells += [] if whole else [str(figures.n_steps)]
            cells += [f"{figures.memory:.0f}", f"{figures.seconds:.2f}"]
        rows.append(cells)
    window = Model.load(model_directory(model)).network.config.window
    head = ["seconds of sound", "steps of the state"]
    head += [f"windows of {window}: MiB", "CPU s", "one window: MiB", "CPU s"]
    print(f"{model}, one estimate, one thread, {machine()}\n")
    print("\n".join(table(head, rows)))


if __name__ == "__main__":
    run_script(main)

"""Measures the speed of a model of latents beside that of a model of mels, as a Markdown table.

Both make the same number of sounds of one length at once, on one thread, by their default runs with
guidance. Figures are seconds of the CPU per second of sound, the medians of several tries that take
turns: of the U-Net's run, of decoding the latents to a mel, of the vocoder, and of all.
"""

import statistics
import time
from collections.abc import Callable
from typing import Annotated

import torch
import typer
from script import machine, run_script
from speed import table

from audiodiff import AudiodiffError, Generator, Run
from audiodiff.codecs import Codec, LatentCodec, MelCodec
from audiodiff.codecs.latent import mels_of
from audiodiff.conditioning import joined
from audiodiff.samplers.loop import last

PARTS = ("run", "to the mel", "vocoder")


def tried(generator: Generator, n: int, n_samples: int) -> dict[str, float]:
    """CPU seconds of each part of making sounds of the first class of every kind."""
    model, spent = generator.model, {}
    mels = mels_of(model.codec)
    vocoder = None if mels is None else mels.vocoder
    if vocoder is None:
        raise AudiodiffError("a model diffuses no mels and no latents of them; give one that does")
    label = {kind: names[0] for kind, names in generator.labels.items()}
    cond = joined([generator.condition(label)] * n)
    run = Run(seed=tuple(range(n)), precision="fp32")

    def timed(part: str, make: Callable[[], torch.Tensor]) -> torch.Tensor:
        start = time.process_time()
        made = make()
        spent[part] = time.process_time() - start
        return made

    with torch.no_grad():
        x = timed("run", lambda: last(model.steps(cond, n_samples, run)).state)
        mel = timed("to the mel", lambda: mel_of(model.codec, x))
        timed("vocoder", lambda: vocoder(mel))
    return spent


def mel_of(codec: Codec, x: torch.Tensor) -> torch.Tensor:
    """The mel of a state, in its preset's units."""
    if isinstance(codec, LatentCodec):
        return codec.mels.mel(codec.normal_mel_of(x))
    assert isinstance(codec, MelCodec), "the only other one with mels"
    return codec.mel(x)


def main(
    latent: Annotated[str, typer.Argument(help="Model with which latents diffuse.")],
    mel: Annotated[str, typer.Argument(help="Model with which mels diffuse.")] = "digits",
    n: Annotated[int, typer.Option("-n", help="Number of sounds made at once.", min=1)] = 16,
    tries: Annotated[int, typer.Option(help="Number of tries.", min=1)] = 5,
) -> None:
    """Measure latent diffusion against mel diffusion."""
    torch.set_num_threads(1)
    generators = {name: Generator.from_pretrained(name) for name in (mel, latent)}
    n_samples = generators[mel].n_samples
    for generator in generators.values():
        tried(generator, 1, n_samples)
    spent = [{name: tried(made, n, n_samples) for name, made in generators.items()}
             for _ in range(tries)]  # fmt: skip
    rows, runs = [], {}
    for name, generator in generators.items():
        length = n * n_samples / generator.sample_rate
        parts = [statistics.median(one[name][part] for one in spent) / length for part in PARTS]
        whole = statistics.median(sum(one[name].values()) for one in spent) / length
        runs[name] = whole
        steps = generator.model.n_steps
        rows.append([name, str(steps), *(f"{part:.4f}" for part in (*parts, whole))])
    print(f"{n} sounds of {n_samples} samples at once, one thread, float32, {machine()}\n")
    print("\n".join(table(["model", "steps", *PARTS, "all, CPU s per s"], rows)))
    print(f"\nmels take {runs[mel] / runs[latent]:.1f} times as long as latents")


if __name__ == "__main__":
    run_script(main)

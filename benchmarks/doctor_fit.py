"""Learns what the doctor knows of mels, from the voices below some folders.

It writes `audiodiff/mel/recognition.safetensors`: for each number of bands, a network with one
output for each kind of mel, trained by cross-entropy on the figures of `doctor_examples.py`. What
was written came from the training clips of the voices named in its metadata.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from doctor_examples import N_SCALES, figures_of, parts, voices
from pool import pooled
from safetensors.torch import save
from script import run_script
from torch import Tensor

from audiodiff import PRESETS
from audiodiff.mel.recognition import LEARNED, Kind, Recogniser, kinds
from audiodiff.system.atomic import replacing

N_STEPS, BATCH, JITTER = 4000, 512, 0.03


def fitted(found: Sequence[tuple[Tensor, int]], n_kinds: int) -> Recogniser:
    """A recogniser trained on figures, each with the place of its kind."""
    x = torch.stack([figures for figures, _ in found])
    kind = torch.tensor([place for _, place in found])
    torch.manual_seed(0)
    recogniser = Recogniser(x.shape[1], n_kinds)
    recogniser.mean.copy_(x.mean(0))
    recogniser.std.copy_(x.std(0) + 1e-2)
    optimizer = torch.optim.AdamW(recogniser.parameters(), lr=1e-2, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=N_STEPS)
    for _ in range(N_STEPS):
        chosen = torch.randint(len(x), (BATCH,))
        seen = x[chosen] + JITTER * recogniser.std * torch.randn(BATCH, x.shape[1])
        loss = torch.nn.functional.cross_entropy(recogniser(seen), kind[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return recogniser.eval()


def main(
    folders: Annotated[list[Path], typer.Argument(help="Folders with the clips of a voice each.")],
    n_sounds: Annotated[int, typer.Option(help="Number of sounds to learn from.")] = 2000,
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 2,
    out: Annotated[Path, typer.Option(help="File to write.")] = LEARNED,
) -> None:
    """Learn to tell presets and scales apart."""
    torch.set_num_threads(1)
    clips, seeds = voices(folders, "train.txt"), parts(0, n_sounds)
    made = pooled(figures_of, [(clips, part, N_SCALES) for part in seeds], workers)
    results = [future.result() for _, future in sorted(made, key=lambda pair: pair[0])]
    tensors: dict[str, Tensor] = {}
    names: dict[str, list[Kind]] = {}
    for n_mels in sorted({config.n_mels for config in PRESETS.values()}):
        known = kinds(n_mels)
        found = [
            (torch.from_numpy(figures), known.index(kind))
            for result in results
            for (n, kind), several in result.items()
            if n == n_mels
            for figures in several
        ]
        for name, tensor in fitted(found, len(known)).state_dict().items():
            tensors[f"{n_mels}.{name}"] = tensor.contiguous()
        names[str(n_mels)] = known
    source = f"benchmarks/doctor_fit.py, {n_sounds} sounds of {', '.join(f.name for f in folders)}"
    with replacing(out) as temporary:
        temporary.write_bytes(save(tensors, {"kinds": json.dumps(names), "made by": source}))


if __name__ == "__main__":
    run_script(main)

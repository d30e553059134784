"""Measures how busy `audiodiff vocode --workers` keeps the cores on many short mels.

Mels of a clip, cut to lengths from half a second to two seconds, are written to a folder, which the
command vocodes. The computing time of its processes is divided by the time that all cores had.
Starting the workers, some seconds each, is included, which shows if there are few files.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from script import run_script

from audiodiff import AudiodiffError, Vocoder
from audiodiff.audio import io

CLIP = Path(__file__).resolve().parents[1] / "examples" / "arctic_a0016.wav"
SECONDS = (0.5, 2.0)


def write_mels(folder: Path, clip: Path, n_files: int) -> float:
    """Writes the mels; gives their total length in seconds."""
    vocoder = Vocoder.from_pretrained("default")
    wave = torch.from_numpy(io.load(clip, vocoder.sample_rate)[0])[None]
    mel = vocoder.mel(vocoder.whole_frames(wave))[0].numpy()
    rate = vocoder.sample_rate / vocoder.hop_length
    rng = np.random.default_rng(0)
    total = 0.0
    for i in range(n_files):
        seconds = rng.uniform(*SECONDS)
        n = min(int(seconds * rate), mel.shape[1])
        start = rng.integers(mel.shape[1] - n, endpoint=True)
        np.save(folder / f"{i:05}.npy", mel[:, start : start + n])
        total += n / rate
    return total


def main(
    clip: Annotated[Path, typer.Argument(help="Recording of speech.")] = CLIP,
    files: Annotated[int, typer.Option(help="Number of mels in the folder.", min=1)] = 10_000,
    workers: Annotated[str, typer.Option(help="Numbers of worker processes, e.g. 1,2.")] = "1,2",
) -> None:
    """Measure how busy the workers keep the cores."""
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mels").mkdir()
        total = write_mels(folder / "mels", clip, files)
        print(f"{files} mels, {total / 60:.1f} minutes of sound, {cores} cores.\n")
        print("| workers | files/s | real-time factor | share of the cores' time |")
        print("| --- | --- | --- | --- |")
        for n in workers.split(","):
            command = [sys.executable, "-m", "audiodiff", "vocode", str(folder / "mels")]
            command += ["-o", str(folder / f"out{n}"), "--workers", n]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.perf_counter()
            ended = subprocess.run(command, capture_output=True, text=True)
            spent = time.perf_counter() - start
            if ended.returncode:
                raise AudiodiffError(ended.stderr.strip())
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(
                f"| {n} | {files / spent:.1f} | {spent / total:.3f} | "
                f"{busy / (spent * cores):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    run_script(main)

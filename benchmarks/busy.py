"""Measures how fast files are vocoded while other processes want the same cores, as a table.

A clip, a long file and a folder of clips are each vocoded in a process of its own, beside none,
one or more processes that compute without end. There are two ways: PyTorch's threads share every
operation, as they do unless told otherwise, or each thread makes pieces of sound by itself, as
`audiodiff vocode` does. The first way can be many times slower than real time on a busy machine, so
the table takes a while.

    python benchmarks/busy.py --beside 0,1,2
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from script import machine, run_script

from audiodiff import Vocoder
from audiodiff.audio import io
from audiodiff.pipelines.files import VocodeSettings, ahead, vocode_file
from audiodiff.system.jobs import Job, find_jobs, one_by_one, run_jobs
from audiodiff.system.threads import available_cores, computing, side_by_side

CLIP = Path(__file__).resolve().parents[1] / "examples" / "arctic_a0016.wav"
CASES = {"a clip": (1, 4.0), "a long file": (1, 30.0), "a folder": (8, 4.0)}
"""Number of files and the seconds of each."""

WAYS = ("operations", "pieces")
"""What the threads share."""


def write_files(folder: Path, clip: Path, n: int, seconds: float) -> None:
    """Writes a recording, repeated or cut to a length, ``n`` times."""
    wave, rate = io.load(clip)
    size = round(seconds * rate)
    for i in range(n):
        io.save(folder / f"{i}.wav", np.tile(wave, size // len(wave) + 1)[:size], rate)


def vocode(vocoder: Vocoder, jobs: list[Job], way: str, threads: int) -> None:
    """Vocodes files once."""
    settings = VocodeSettings()
    if way == "pieces":
        with side_by_side(threads) as each:
            spread = ahead(vocoder, settings, lambda *_: None, each, 2 * threads)
            run_jobs(jobs, spread, overwrite=True, on_job=lambda *_: None)
        return
    with computing(threads):
        alone = one_by_one(lambda job: vocode_file(vocoder, job, settings, lambda *_: None))
        run_jobs(jobs, alone, overwrite=True, on_job=lambda *_: None)


def measure(folder: Path, way: str, threads: int, repeats: int) -> float:
    """The median time of vocoding a folder in this process, in seconds."""
    vocoder = Vocoder.from_pretrained("default")
    jobs = find_jobs([folder / "in"], folder / "out", {".wav"}, ".wav")
    vocode(vocoder, jobs[:1], way, threads)
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        vocode(vocoder, jobs, way, threads)
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


@contextmanager
def busy(n: int) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Within it, ``n`` processes compute without end."""
    beside = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield beside
    finally:
        for process in beside:
            process.kill()
            process.wait()


def measure_alone(folder: Path, way: str, threads: int, repeats: int) -> float:
    """`measure` in a process of its own."""
    words = [sys.executable, __file__, "--one", str(folder), "--way", way]
    words += ["--threads", str(threads), "--repeats", str(repeats)]
    return float(subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout)


def table(clip: Path, threads: int, beside: list[int], repeats: int) -> Iterator[str]:
    """The table's lines: real-time factors, and each as a multiple of pieces beside none."""
    yield f"| what | threads share | {' | '.join(f'beside {n}' for n in beside)} |"
    yield "|" + " --- |" * (2 + len(beside))
    for case, (n_files, seconds) in CASES.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_files(folder / "in", clip, n_files, seconds)
            unit = measure_alone(folder, "pieces", threads, repeats)
            for way in WAYS:
                cells = []
                for n in beside:
                    with busy(n):
                        spent = measure_alone(folder, way, threads, repeats)
                    cells.append(f"{spent / n_files / seconds:.3f} ({spent / unit:.1f})")
                yield f"| {case} | {way} | {' | '.join(cells)} |"


def main(
    clip: Annotated[Path, typer.Argument(help="Recording of speech.")] = CLIP,
    threads: Annotated[
        int | None, typer.Option(help="Number of threads; the number of cores if not given.", min=1)
    ] = None,
    beside: Annotated[
        str, typer.Option(help="Numbers of processes that compute beside it, e.g. 0,1,2.")
    ] = "0,1,2",
    repeats: Annotated[int, typer.Option(help="Number of timed runs.", min=1)] = 3,
    one: Annotated[Path | None, typer.Option(hidden=True)] = None,
    way: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Measure the real-time factor on a busy machine."""
    n = available_cores() if threads is None else threads
    if one is not None:
        print(measure(one, way, n, repeats))
        return
    load = (
        f", load average {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    )
    print(f"{machine()}{load}; {n} threads; real-time factor (multiple of pieces beside none).\n")
    for line in table(clip, n, [int(part) for part in beside.split(",")], repeats):
        print(line, flush=True)


if __name__ == "__main__":
    run_script(main)

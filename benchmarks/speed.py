"""Compares the speed of our default model with other vocoders, in one run on one machine.

Every system makes the same seconds of the same recording on the CPU, with the same number of
threads, in a process of its own. It is loaded, run once to warm up, then timed several times; the
median counts. Memory is what loading and running add to the peak after the imports. `peers.py` says
how each peer is run; peers that are not installed are named below the table. To install them all:

    pip install -e '.[torchaudio]' diffwave wavegrad vocos transformers
    python benchmarks/speed.py
"""

import os
import re
import resource
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import torch
import typer
from peers import COMPILED, OURS, PRESET, SYSTEMS
from script import alone, run_script

from audiodiff import LogMel, Vocoder
from audiodiff._types import Mel
from audiodiff.audio import io
from audiodiff.config import Config
from audiodiff.errors import AudiodiffError

CLIP = Path(__file__).resolve().parents[1] / "examples" / "arctic_a0016.wav"
THREADS = (1, 2)
LENGTHS = (1, 5, 30, 120, 600)
"""Lengths of sound at which our model is timed, in seconds."""

BATCH = 16


class Case(Config):
    """A measurement to make.

    Attributes:
        system: Name of a system in `SYSTEMS`.
        seconds: Length of each item of the batch.
        threads: Number of CPU threads.
        batch: Number of items made at once.
        repeats: Number of timed runs.
    """

    system: str = OURS
    seconds: float
    threads: int
    batch: int = 1
    repeats: int


class Figures(Config):
    """The result of a measurement.

    Attributes:
        real_time_factor: Seconds spent per second of sound.
        memory: Peak memory above that after the imports, in MiB.
        load: Seconds to build the system after the imports; ours reads its weights from disk.
        first: Seconds by which the first run is longer than later ones.
    """

    real_time_factor: float
    memory: float
    load: float
    first: float


def measure(case: Case, clip: Path) -> Figures:
    """Times a system in this process.

    Raises:
        AudiodiffError: If the system is not installed.
    """
    torch.set_num_threads(case.threads)
    mel = tiled_mel(clip, case.seconds).repeat(case.batch, 1, 1)
    system = SYSTEMS[case.system]
    try:
        for module in system.modules:
            import_module(module)
    except ImportError as error:
        raise AudiodiffError(f"{error} (pip install {system.package})") from error
    before, start = peak_mib(), time.perf_counter()
    run = system.build()
    load = time.perf_counter() - start
    spent = []
    with torch.no_grad():
        for _ in range(1 + case.repeats):
            start = time.perf_counter()
            run(mel)
            spent.append(time.perf_counter() - start)
    seconds = mel.shape[0] * mel.shape[2] * PRESET.hop_length / PRESET.sample_rate
    usual = statistics.median(spent[1:])
    return Figures(
        real_time_factor=usual / seconds,
        memory=peak_mib() - before,
        load=load,
        first=spent[0] - usual,
    )


def tiled_mel(clip: Path, seconds: float) -> Mel:
    """The mel of a recording, repeated: computing a long mel would count as our memory."""
    wave, rate = io.load(clip, PRESET.sample_rate)
    mel = LogMel(PRESET)(torch.from_numpy(wave)[None])
    n_frames = max(1, round(seconds * rate / PRESET.hop_length))
    return mel.repeat(1, 1, -(-n_frames // mel.shape[2]))[..., :n_frames]


def peak_mib() -> float:
    """Peak memory of this process in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux a process inherits ru_maxrss from the one that started it, but not this.
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found is not None:
            return int(found[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def run_alone(case: Case, clip: Path) -> Figures:
    """Times a system in a process of its own.

    Raises:
        AudiodiffError: If that process fails, with its last line of output.
    """
    typer.echo(
        f"{case.system}: {case.batch} x {case.seconds:g} s, {case.threads} threads", err=True
    )
    words = [__file__, str(clip), "--one", case.model_dump_json()]
    return Figures.model_validate_json(alone(words, case.threads))


def system_rows(
    clip: Path, seconds: float, repeats: int, threads: Sequence[int]
) -> tuple[list[list[str]], list[str]]:
    """A row for each system and number of threads, and notes for below the table."""
    rows: list[list[str]] = []
    notes: list[str] = []
    ours: dict[int, Figures] = {}
    for system, (_, package, _) in SYSTEMS.items():
        for n in threads:
            case = Case(system=system, seconds=seconds, threads=n, repeats=repeats)
            try:
                figures = run_alone(case, clip)
            except AudiodiffError as error:
                if system == OURS:
                    raise
                notes.append(f"- not measured: {system}: {error}")
                break
            factor, *costs = cells(figures)
            if system == COMPILED:
                notes.append(f"- compiled, threads: {n}: {payoff(ours[n], figures)}")
            ours.setdefault(n, figures)  # the first system is ours
            ratio = f"{figures.real_time_factor / ours[n].real_time_factor:.2f}"
            rows.append([system, f"{package} {version(package)}", str(n), factor, ratio, *costs])
    return rows, notes


def payoff(plain: Figures, compiled: Figures) -> str:
    """A sentence on how much sound it takes until compiling saves time."""
    cost = compiled.first - plain.first
    saved = plain.real_time_factor - compiled.real_time_factor
    after = (
        f"pays off after {cost / saved / 60:.0f} minutes of sound" if saved > 0 else "never pays"
    )
    return f"the first run takes {cost:.0f} s longer, which {after}"


def own_rows(
    clip: Path, batches: Iterable[tuple[int, float]], repeats: int, threads: int
) -> Iterator[list[str]]:
    """Rows of our model, one for each batch: (number of clips, seconds of each)."""
    for batch, seconds in batches:
        case = Case(seconds=seconds, threads=threads, batch=batch, repeats=repeats)
        yield [str(batch), f"{seconds:g}", *cells(run_alone(case, clip))[:2]]


def cells(figures: Figures) -> list[str]:
    """Table cells: real-time factor, memory and time to load."""
    return [f"{figures.real_time_factor:.4f}", f"{figures.memory:.0f}", f"{figures.load:.2f}"]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table."""
    lines = (head, ["---"] * len(head), *rows)
    return [f"| {' | '.join(line)} |" for line in lines]


def report(
    clip: Path,
    seconds: float,
    repeats: int,
    threads: Sequence[int] = THREADS,
    lengths: Sequence[float] = LENGTHS,
) -> str:
    """Makes all measurements; gives them as Markdown."""
    rows, notes = system_rows(clip, seconds, repeats, threads)
    head = ["system", "package", "threads", "real-time factor", "to ours", "memory, MiB", "load, s"]
    own_head = ["clips at once", "seconds each", "real-time factor", "memory, MiB"]
    most = max(threads)
    by_length = own_rows(clip, [(1, length) for length in lengths], repeats, most)
    by_batch = own_rows(clip, [(BATCH, 1), (1, BATCH)], repeats, most)
    lines = [
        f"All on {seconds:g} s of {clip.name}, median of {repeats} runs, peers in float32 with "
        "random weights, ours with bfloat16 products where the CPU has them; "
        f"torch {torch.__version__}, {os.cpu_count()} CPUs "
        f"({torch.backends.cpu.get_cpu_capability()}). Steps of our default run: "
        f"{Vocoder.from_pretrained('default').model.n_steps}.",
        "",
        *table(head, rows),
        "",
        *notes,
        *([""] if notes else []),
        f"Ours against length, threads: {most}",
        "",
        *table(own_head, by_length),
        "",
        f"Ours, many at once against one as long, threads: {most}",
        "",
        *table(own_head, by_batch),
    ]
    return "\n".join(lines) + "\n"


def main(
    clip: Annotated[Path, typer.Argument(help="Recording of speech.")] = CLIP,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="File to write the tables to, besides printing them."),
    ] = Path("speed.md"),
    seconds: Annotated[
        float, typer.Option(help="Length of the sound that every system makes, in seconds.")
    ] = 4,
    repeats: Annotated[int, typer.Option(help="Number of timed runs.", min=1)] = 5,
    one: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure the real-time factor and memory of our model and other vocoders."""
    if one is not None:
        print(measure(Case.model_validate_json(one), clip).model_dump_json())
        return
    text = report(clip, seconds, repeats)
    print(text, end="")
    out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run_script(main)

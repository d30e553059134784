"""Judges filled gaps beside linear prediction, repetition and silence, as Markdown tables.

Gaps of each length are cut into the test clips of every voice, about 0.6 s apart and where there
is speech. PESQ and ViSQOL hear whole clips; the log-spectral distance is that of the gaps alone.
Figures are means over clips, with 95 % intervals.

Of gaps that are cut into pauses, the second table says how much louder than the recording they are.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from editing import Data, Limit, Model, Workers, clips_of, editor, head, in_words, judged_by, row
from jaxtyping import Float64
from scipy.linalg import solve_toeplitz
from script import machine, run_script

from audiodiff.audio import io
from audiodiff.audio.prediction import MODEL_SECONDS, ORDER_SECONDS, burg, interpolated
from audiodiff.metrics.perceptual import pesq_wb
from audiodiff.metrics.visqol import visqol
from audiodiff.pipelines.gaps import Gap

MILLISECONDS = (20, 50, 100, 200)
BETWEEN = 0.6
"""Seconds from the end of one gap to the start of the next, where there is speech."""

PAUSES = (50, 100, 200)
"""Milliseconds of gaps in pauses."""

DEEP, AROUND_FRAMES = 25.0, 5
"""Decibels below its loud frames at which a clip pauses, and frames of 20 ms around that are so."""

N_FFT, HOP = 512, 64
FLOOR = 1e-10
"""The least power of a bin in the log-spectral distance, of a sine of full scale."""

Samples = Float64[np.ndarray, " _"]
Filler = Callable[[Samples, Sequence[Gap], int], Samples]


def gaps_in(wave: Samples, rate: int, seconds: float) -> list[Gap]:
    """Gaps of one length, in the parts of a clip that are not much softer than its mean."""
    n, size = round(seconds * rate), rate // 10
    power = np.convolve(wave**2, np.ones(size) / size, "same")
    gaps, place = [], round(0.3 * rate)
    while place + n + 0.3 * rate < len(wave):
        if power[place + n // 2] > 0.3 * power.mean():
            gaps.append(Gap(place, place + n))
            place += n + round(BETWEEN * rate)
        else:
            place += rate // 20
    return gaps


def gaps_in_pauses(wave: Samples, rate: int, seconds: float) -> list[Gap]:
    """Gaps of one length, in the parts of a clip that are much softer than it."""
    size, n = rate // 50, round(seconds * 50 + 0.49)
    frames = wave[: len(wave) // size * size].reshape(-1, size)
    levels = 10 * np.log10((frames**2).mean(1) + FLOOR)
    is_pause = levels < np.quantile(levels, 0.95) - DEEP
    gaps, place = [], AROUND_FRAMES
    while place + n + AROUND_FRAMES <= len(levels):
        if is_pause[place - AROUND_FRAMES : place + n + AROUND_FRAMES].all():
            gaps.append(Gap(place * size, place * size + round(seconds * rate)))
            place += n + 2 * AROUND_FRAMES
        else:
            place += 1
    return gaps


def silence(wave: Samples, gaps: Sequence[Gap], rate: int) -> Samples:
    """Nothing in each gap."""
    return wave


def repetition(wave: Samples, gaps: Sequence[Gap], rate: int) -> Samples:
    """The 20 ms before each gap, again and again."""
    made = wave.copy()
    for first, last in gaps:
        frame = made[first - rate // 50 : first]
        made[first:last] = np.resize(frame, last - first)
    return made


def prediction(wave: Samples, gaps: Sequence[Gap], rate: int) -> Samples:
    """Linear prediction from both sides, crossfaded: what `Editor` begins with."""
    made = wave.copy()
    for first, last, before, after in _around(gaps, len(wave)):
        pieces = made[before:first], made[last:after]
        made[first:last] = interpolated(*pieces, last - first, rate)
    return made


def janssen(wave: Samples, gaps: Sequence[Gap], rate: int) -> Samples:
    """Janssen, Veldhuis and Vries (IEEE TASSP 34, 1986): the least error of prediction, by turns.

    The coefficients are those of the sound with what fills the gap, which is then the least squares
    solution for them; three turns from linear prediction from both sides.
    """
    made = prediction(wave, gaps, rate)
    context, order = round(MODEL_SECONDS * rate), round(ORDER_SECONDS * rate)
    for first, last, before, after in _around(gaps, len(wave)):
        low, high = max(before, first - context), min(after, last + context)
        part, inside = made[low:high], slice(first - low, last - low)
        for _ in range(3):
            errors = np.concatenate([[1.0], -burg(part, min(order, len(part) // 3))])
            correlation = np.correlate(errors, errors, "full")
            known = part.copy()
            known[inside] = 0
            right = -np.convolve(known, correlation, "same")[inside]
            column = np.zeros(last - first)
            n = min(len(column), len(errors))
            column[:n] = correlation[len(errors) - 1 :][:n]
            part[inside] = solve_toeplitz(column, right)
    return made


def by_model(name: str, wave: Samples, gaps: Sequence[Gap], rate: int) -> Samples:
    """`Editor.inpaint` by a model."""
    seconds = [(first / rate, last / rate) for first, last in gaps]
    given = torch.from_numpy(wave).float()[None]
    return editor(name).inpaint(given, rate, seconds)[0].double().numpy()


FILLERS: dict[str, Filler] = {
    "silence": silence,
    "repetition of 20 ms": repetition,
    "linear prediction": prediction,
    "Janssen": janssen,
}


def distance(wave: Samples, made: Samples, gaps: Sequence[Gap]) -> float:
    """The log-spectral distance in dB of the frames whose middle lies in a gap."""
    window = np.hanning(N_FFT)
    found = []
    for first, last in gaps:
        for middle in range(first, last, HOP):
            frame = slice(middle - N_FFT // 2, middle + N_FFT // 2)
            levels = [
                10 * np.log10(np.abs(np.fft.rfft(window * x[frame]) * 4 / N_FFT) ** 2 + FLOOR)
                for x in (wave, made)
            ]
            found.append(np.sqrt(np.mean((levels[0] - levels[1]) ** 2)))
    return float(np.mean(found))


def filled(
    clip: Path,
    milliseconds: int,
    filler: str,
    gaps_of: Callable[[Samples, int, float], Sequence[Gap]],
) -> tuple[Samples, Samples, Sequence[Gap], int]:
    """A clip, the same with what fills its gaps, the gaps, and its sample rate in Hz.

    Args:
        clip: The clip.
        milliseconds: Length of each gap.
        filler: A name in `FILLERS`, or that of a model.
        gaps_of: What chooses the gaps.
    """
    torch.set_num_threads(1)
    loaded, rate = io.load(clip)
    wave = loaded.astype(np.float64)
    gaps = gaps_of(wave, rate, milliseconds / 1000)
    cut = wave.copy()
    for first, last in gaps:
        cut[first:last] = 0
    fill = FILLERS.get(filler, partial(by_model, filler))
    return wave, fill(cut, gaps, rate) if gaps else cut, gaps, rate


def judged(clip: Path, milliseconds: int, filler: str) -> tuple[float, float, float] | None:
    """PESQ, ViSQOL and the distance of a clip with filled gaps; None for one without speech.

    Args:
        clip: The clip.
        milliseconds: Length of each gap.
        filler: A name in `FILLERS`, or that of a model.
    """
    wave, made, gaps, rate = filled(clip, milliseconds, filler, gaps_in)
    if not gaps:
        return None
    whole, heard = (x.astype(np.float32) for x in (wave, made))
    scores = pesq_wb(whole, heard, rate), visqol(whole, heard, rate)
    return *scores, distance(wave, made, gaps)


def louder(clip: Path, milliseconds: int, filler: str) -> list[float]:
    """Decibels by which each filled gap in the pauses of a clip is louder than the clip.

    Args:
        clip: The clip.
        milliseconds: Length of each gap.
        filler: A name in `FILLERS`, or that of a model.
    """
    wave, made, gaps, _ = filled(clip, milliseconds, filler, gaps_in_pauses)
    powers = [[(x[a:b] ** 2).mean() + FLOOR for x in (wave, made)] for a, b in gaps]
    return [float(10 * np.log10(after / before)) for before, after in powers]


def _around(gaps: Sequence[Gap], length: int) -> list[tuple[int, int, int, int]]:
    """Each gap, the end of the one before and the start of the one after."""
    ends = [0, *(gap.last for gap in gaps)]
    starts = [*(gap.first for gap in gaps[1:]), length]
    return [
        (gap.first, gap.last, before, after)
        for gap, before, after in zip(gaps, ends, starts, strict=False)
    ]


def main(
    data: Data,
    model: Model = "speech-edit",
    limit: Limit = 10,
    workers: Workers = 2,
) -> None:
    """Measure how well gaps are filled."""
    clips, fillers = clips_of(data, limit), [*FILLERS, model]
    kinds = [(ms, filler) for ms in MILLISECONDS for filler in fillers]
    jobs = [(kind, (clip, *kind)) for kind in kinds for clip in clips]
    found = judged_by(judged, jobs, workers)
    pauses = [(ms, filler) for ms in PAUSES for filler in fillers]
    levels = judged_by(
        louder, [(kind, (clip, *kind)) for kind in pauses for clip in clips], workers
    )
    print(f"{len(clips)} clips, {machine()}\n")
    print(head("gaps (ms)", "filled by", "PESQ", "ViSQOL", "LSD in the gaps (dB)"))
    for names, figures in found.items():
        print(row(names, figures, (2, 2, 1)))
    print()
    print(head("gaps in pauses (ms)", "number", "filled by", "louder by (dB)", "at most"))
    for (ms, filler), per_clip in levels.items():
        changes = [change for clip in per_clip for change in clip]
        print(f"| {ms} | {len(changes)} | {filler} | {in_words(changes, 1)} | {max(changes):.1f} |")


if __name__ == "__main__":
    run_script(main)

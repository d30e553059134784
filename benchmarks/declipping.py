"""Judges clipped recordings, restored, as a table.

The test clips of every voice are clipped at levels below their peaks and restored. SDR is the
signal-to-distortion ratio in dB; PESQ compares with the originals. Figures are means over clips,
with 95 % intervals.
"""

from pathlib import Path

import numpy as np
import torch
from editing import Data, Limit, Workers, clips_of, head, judged_by, row
from script import machine, run_script

from audiodiff.audio import io
from audiodiff.audio.declipping import Levels, declipped
from audiodiff.metrics.perceptual import pesq_wb

BELOW = [3, 6, 10]
"""Levels of clipping, in dB below the peak."""


def judged(clip: Path, below: int) -> tuple[float, ...]:
    """Share of clipped samples in percent, then SDR and PESQ of the clip clipped and restored."""
    torch.set_num_threads(1)
    wave, rate = io.load(clip)
    level = float(np.abs(wave).max() * 10 ** (-below / 20))
    levels = Levels(-level, level)
    clipped = np.clip(wave.astype(np.float64), *levels)
    made = declipped(clipped, levels, rate)
    share = 100 * float(levels.lost(clipped).mean())
    sounds = [sound.astype(np.float32) for sound in (clipped, made)]
    ratios = [10 * np.log10((wave**2).sum() / ((wave - sound) ** 2).sum()) for sound in sounds]
    return share, *ratios, *(pesq_wb(wave, sound, rate) for sound in sounds)


def main(data: Data, limit: Limit = 10, workers: Workers = 2) -> None:
    """Measure how well clipped recordings are restored."""
    clips = clips_of(data, limit)
    jobs = [(below, (clip, below)) for below in BELOW for clip in clips]
    found = judged_by(judged, jobs, workers)
    print(f"{len(clips)} clips, {machine()}\n")
    print(
        head("level", "clipped samples (%)", "SDR clipped", "restored", "PESQ clipped", "restored")
    )
    for below, figures in found.items():
        print(row((f"-{below} dB",), figures, (1, 1, 1, 2, 2)))


if __name__ == "__main__":
    run_script(main)

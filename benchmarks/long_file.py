"""Measures peak memory, real-time factor and the error of the seams on an hour in one file.

Repeats a clip to the given length and vocodes it as `audiodiff vocode` does. A mel can only be
vocoded at once if it is shorter, so the seams are measured on the first minute.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from script import run_script

from audiodiff import Vocoder
from audiodiff.audio import io
from audiodiff.pipelines.files import VocodeSettings, vocode_file
from audiodiff.system.jobs import Job


def peak_gib() -> float:
    """Peak memory of this process in GiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def main(
    clip: Annotated[Path, typer.Argument(help="Recording of speech.")],
    minutes: Annotated[float, typer.Option(help="Length of the file in minutes.")] = 60,
    steps: Annotated[int, typer.Option(help="Number of sampler steps.")] = 1,
    model: Annotated[str, typer.Option(help="Model: a directory, a hub id or a name.")] = "default",
) -> None:
    """Measure the peak memory, speed and seams of a long file."""
    vocoder = Vocoder.from_pretrained(model)
    wave, rate = io.load(clip, vocoder.sample_rate)
    with tempfile.TemporaryDirectory() as folder:
        job = Job(Path(folder) / "long.wav", Path(folder) / "made.wav")
        io.save(job.source, np.tile(wave, int(minutes * 60 * rate / len(wave)) + 1), rate)
        start = time.monotonic()
        settings = VocodeSettings(n_steps=steps)
        vocode_file(vocoder, job, settings, on_audio=lambda job, seconds, whole: None)
        spent = time.monotonic() - start
    print(f"{minutes:g} minutes, {steps} steps: peak memory {peak_gib():.2f} GiB")
    print(f"real-time factor {spent / minutes / 60:.3f}")
    minute = torch.from_numpy(np.tile(wave, 60 * rate // len(wave) + 1)[None, : 60 * rate])
    mel = vocoder.mel(vocoder.whole_frames(minute))
    pieces = torch.cat(list(vocoder.chunks(mel, steps)), dim=1)
    whole = torch.cat(list(vocoder.chunks(mel, steps, chunk_frames=mel.shape[2])), dim=1)
    print(f"pieces against the whole, one minute: at most {(pieces - whole).abs().max():.1e}")


if __name__ == "__main__":
    run_script(main)

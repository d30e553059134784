"""An hour in one file: peak memory, real-time factor, and how far the pieces are from the whole.

Repeats a clip to the length asked for and vocodes it as `audiodiff vocode` does. The whole can only
be held for a shorter stretch, so the seams are measured on the first minute.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from script import run_script

from audiodiff import Vocoder
from audiodiff.audio import io
from audiodiff.pipelines.files import VocodeSettings, vocode_file
from audiodiff.system.jobs import Job


def peak_gib() -> float:
    """The greatest memory that this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def main(clip: Path, minutes: float = 60, steps: int = 1, model: str = "default") -> None:
    """Prints the three figures."""
    vocoder = Vocoder.from_pretrained(model)
    wave, rate = io.load(clip, vocoder.sample_rate)
    with tempfile.TemporaryDirectory() as folder:
        job = Job(Path(folder) / "long.wav", Path(folder) / "made.wav")
        io.save(job.source, np.tile(wave, int(minutes * 60 * rate / len(wave)) + 1), rate)
        start = time.monotonic()
        settings = VocodeSettings(n_steps=steps)
        vocode_file(vocoder, job, settings, on_audio=lambda seconds: None)
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

"""`audiodiff mel`."""

from typing import Annotated

import typer

from audiodiff.cli.options import Inputs, MaxHours, Out, Overwrite
from audiodiff.cli.terminal import progress_bar, report_outcome
from audiodiff.config import MAX_HOURS
from audiodiff.errors import AudiodiffError
from audiodiff.system.jobs import Job, find_jobs, one_by_one, run_jobs


def mel(
    inputs: Inputs,
    out: Out,
    preset: Annotated[
        str, typer.Option(help="Preset of the mel, e.g. hifigan; a wrong name lists them all.")
    ],
    overwrite: Overwrite = False,
    max_hours: MaxHours = MAX_HOURS,
) -> None:
    """Compute mel spectrograms of audio files, as float32 .npy of shape (n_mels, frames)."""
    import torch

    from audiodiff.audio import io
    from audiodiff.audio.reader import OR_ALLOW, SPLIT
    from audiodiff.mel.files import save_mel
    from audiodiff.mel.log_mel import LogMel
    from audiodiff.mel.presets import PRESETS
    from audiodiff.system.memory import enough_memory

    if preset not in PRESETS:
        raise AudiodiffError(f"--preset {preset!r} is unknown; choose from {', '.join(PRESETS)}")
    jobs = find_jobs(inputs, out, io.AUDIO_SUFFIXES, ".npy")
    log_mel, rate = LogMel(PRESETS[preset]), PRESETS[preset].sample_rate

    def work(job: Job) -> None:
        with enough_memory(job.source, "split it into shorter files"):
            wave, _ = io.load(job.source, rate, max_hours, SPLIT + OR_ALLOW)
            save_mel(job.target, log_mel(torch.from_numpy(wave)[None])[0])

    with progress_bar() as progress:
        task = progress.add_task("computing mels", total=len(jobs), note="")
        outcome = run_jobs(
            jobs,
            one_by_one(work),
            overwrite=overwrite,
            on_job=lambda job, made: progress.advance(task),
        )
    report_outcome(outcome, "")

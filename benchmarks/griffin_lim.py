"""Griffin-Lim from the mels that a vocoder gets: what any vocoder has to beat.

Non-negative least squares from mel to magnitudes (librosa), then the fast Griffin-Lim algorithm
with librosa's defaults. Writes one wav for every input, so that `audiodiff evaluate` can judge it.
"""

from pathlib import Path
from typing import Annotated

import librosa
import numpy as np
import torch
import typer
from jaxtyping import Float
from rich.progress import track

from audiodiff import PRESETS, LogMel, MelConfig
from audiodiff.audio import io
from audiodiff.files import find_jobs


def invert(
    mel: Float[torch.Tensor, "n_mels frames"], config: MelConfig, n_iterations: int
) -> Float[np.ndarray, " samples"]:
    """Frames x hop_length samples from a mel of a preset of power 1."""
    assert config.power == 1
    assert not config.normalized
    magnitude = librosa.util.nnls(config.filterbank_matrix().numpy(), config.amplitude(mel).numpy())
    padded = librosa.griffinlim(
        magnitude,
        n_iter=n_iterations,
        hop_length=config.hop_length,
        win_length=config.win_length,
        n_fft=config.n_fft,
        center=False,
        random_state=0,
    )
    n_samples = mel.shape[1] * config.hop_length
    return np.pad(padded, (0, config.n_fft))[config.n_padding :][:n_samples]


def main(
    inputs: list[Path],
    out: Annotated[Path, typer.Option("--out", "-o")],
    preset: str = "hifigan",
    iterations: int = 32,
) -> None:
    """Resynthesises audio files through their mels."""
    config = PRESETS[preset]
    log_mel = LogMel(config)
    for job in track(find_jobs(inputs, out, io.AUDIO_SUFFIXES, ".wav"), "Griffin-Lim"):
        wave, _ = io.load(job.source, config.sample_rate)
        whole = np.pad(wave, (0, -len(wave) % config.hop_length))
        mel = log_mel(torch.from_numpy(whole)[None])[0]
        io.save(job.target, invert(mel, config, iterations)[: len(wave)], config.sample_rate)


if __name__ == "__main__":
    typer.run(main)

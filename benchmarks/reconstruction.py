"""Judges what an autoencoder of mels gives back, beside the mel itself, as a Markdown table.

MODEL diffuses latents; FOLDER holds prepared clips, of which those of test.txt are judged. Both
mels go through the model's vocoder. Figures are means, with 95 % intervals, over groups of clips
that are joined, as PESQ is not defined for a single word.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from editing import head, row
from script import machine, run_script

from audiodiff import AudiodiffError, Generator
from audiodiff.audio import io
from audiodiff.codecs import LatentCodec
from audiodiff.data.corpus import clips_of
from audiodiff.metrics.perceptual import pesq_wb
from audiodiff.metrics.visqol import visqol

GROUP = 8
"""Clips of a group."""


def judged(codec: LatentCodec, clips: Sequence[Path], rate: int) -> dict[str, tuple[float, ...]]:
    """The error of the mel in its own units, PESQ and ViSQOL, by the name of the row."""
    wave = torch.cat([torch.from_numpy(io.load(clip, rate)[0]) for clip in clips])[None]
    n = wave.shape[1] // codec.hop_length * codec.hop_length
    wave = wave[:, :n]
    mel = codec.normal_mel(wave)
    found: dict[str, tuple[float, ...]] = {}
    with torch.no_grad():
        for name, made in (("mel", mel), ("latent", codec.normal_mel_of(codec.encode(wave)))):
            sound = codec.mels.decode(made, n)[0].numpy()
            error = (codec.mels.mel(made) - codec.mels.mel(mel)).abs().mean().item()
            own = wave[0].numpy()
            found[name] = (error, pesq_wb(own, sound, rate), visqol(own, sound, rate))
    return found


def main(
    model: Annotated[str, typer.Argument(help="Model with which latents diffuse.")],
    folder: Annotated[Path, typer.Argument(help="Folder of prepared clips.")],
    limit: Annotated[int, typer.Option(help="Greatest number of clips.", min=GROUP)] = 64,
) -> None:
    """Measure what an autoencoder loses."""
    generator = Generator.from_pretrained(model)
    codec = generator.model.codec
    if not isinstance(codec, LatentCodec):
        raise AudiodiffError(f"{model} diffuses no latents; give a model with codec.kind='latent'")
    clips = list(clips_of(folder, "test").values())
    chosen = clips[:: max(1, len(clips) // limit)][:limit]
    groups = [chosen[i : i + GROUP] for i in range(0, len(chosen) - GROUP + 1, GROUP)]
    rows = [judged(codec, group, generator.sample_rate) for group in groups]
    print(f"{len(groups)} groups of {GROUP} clips, {machine()}\n")
    print(head("through", "error of the mel", "PESQ", "ViSQOL"))
    for name in ("mel", "latent"):
        print(row((name,), [found[name] for found in rows], (3, 2, 2)))


if __name__ == "__main__":
    run_script(main)

"""Judges what an autoencoder of mels gives back, beside the mel itself, as a Markdown table.

MODEL diffuses latents; FOLDER holds prepared clips, of which those of test.txt are judged. Both
mels go through the model's vocoder. Figures are means over clips, with 95 % intervals.
"""

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


def judged(codec: LatentCodec, clip: Path, rate: int) -> dict[str, tuple[float, ...]]:
    """The error of the mel in its own units, PESQ and ViSQOL, by the name of the row."""
    wave = torch.from_numpy(io.load(clip, rate)[0])[None]
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
    limit: Annotated[int, typer.Option(help="Greatest number of clips.", min=1)] = 60,
) -> None:
    """Measure what an autoencoder loses."""
    generator = Generator.from_pretrained(model)
    codec = generator.model.codec
    if not isinstance(codec, LatentCodec):
        raise AudiodiffError(f"{model} diffuses no latents; give a model with codec.kind='latent'")
    clips = list(clips_of(folder, "test").values())
    chosen = clips[:: max(1, len(clips) // limit)][:limit]
    rows = [judged(codec, clip, generator.sample_rate) for clip in chosen]
    print(f"{len(chosen)} clips, {machine()}\n")
    print(head("through", "error of the mel", "PESQ", "ViSQOL"))
    for name in ("mel", "latent"):
        heard = [found[name] for found in rows if all(x == x for x in found[name])]
        print(row((name,), heard, (3, 2, 2)))


if __name__ == "__main__":
    run_script(main)

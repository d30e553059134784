"""Measures the cost of giving the default model another system's mel, as a Markdown table.

For each preset, the clips' mels are converted to the model's own and compared with the mels
computed from the clips, and the sound of the converted mels is compared with the clips: by PESQ,
and by its level from 40 to 80 Hz, of which some presets say nothing. Figures are means over the
test clips of every voice, as `quality.py` finds them.
"""

import statistics
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

import torch
import typer
from jaxtyping import Float
from pool import pooled
from quality import find_voices
from script import run_script
from torch import Tensor

from audiodiff import PRESETS, LogMel, Vocoder
from audiodiff.audio import io
from audiodiff.mel.conversion import Conversion
from audiodiff.mel.own import own_mel
from audiodiff.metrics.perceptual import pesq_wb

CLIP = Path(__file__).resolve().parents[1] / "examples" / "arctic_a0016.wav"

CALLERS = {
    "hifigan": "Matcha-TTS: `adapters.matcha`, its documented call",
    "tacotron2": "torchaudio: `adapters.torchaudio`, its documented call",
    "speechbrain": "SpeechBrain: `adapters.speechbrain`, its documented call",
    "nemo": "NeMo: `adapters.nemo`, its documented call",
    "vocos": "F5-TTS: `adapters.f5_tts`, its documented call",
    "speecht5": "transformers SpeechT5: `adapters.transformers`, the model itself",
    "espnet": "ESPnet: `adapters.espnet`, its documented call; transformers FastSpeech2Conformer: "
    "`adapters.transformers`, the model itself",
    "coqui": "Coqui TTS: `adapters.coqui`, its documented call",
    "audioldm2": "diffusers AudioLDM2: `adapters.audioldm2`, the pipeline's own method",
}
"""For each preset, the system that gives its mel, our adapter, and what tests try it with."""


LOWEST = (40.0, 80.0)
"""A band in Hz that presets with an ``f_min`` of 80 leave out."""


def level(wave: Float[Tensor, " samples"], rate: int) -> float:
    """The level in dB of a wave within `LOWEST`."""
    hertz = torch.fft.rfftfreq(len(wave), 1 / rate)
    power = torch.fft.rfft(wave).abs().square()
    low, high = LOWEST
    return 10 * power[(hertz >= low) & (hertz < high)].mean().log10().item()


@cache
def default() -> Vocoder:
    """The default model, which a process loads once."""
    return Vocoder.from_pretrained("default")


def judged(preset: str, clip: Path) -> tuple[float, float, float]:
    """The error of the converted mel in nepers; the PESQ of its sound, and its surplus in dB."""
    vocoder, source = default(), PRESETS[preset]
    target = vocoder.mel_config
    given = torch.from_numpy(io.load(clip, source.sample_rate)[0])[None]
    own = own_mel(LogMel(source)(given), target, preset, clip.name, force=True)
    wave = torch.from_numpy(io.load(clip, own.rate)[0])[None]
    wanted = LogMel(target)(torch.nn.functional.pad(wave, (own.skip, 0)))
    n = min(own.mel.shape[2], wanted.shape[2])
    error = (own.mel[..., :n] - wanted[..., :n]).abs().mean().item() * target.nepers_per_unit
    sound = torch.cat(list(own.sound([vocoder(own.mel, force=True)])), 1)[0]
    n = min(len(sound), wave.shape[1])
    sound, clipped = sound[:n], wave[0, :n]
    surplus = level(sound, own.rate) - level(clipped, own.rate)
    return error, pesq_wb(clipped.numpy(), sound.numpy(), own.rate), surplus


def row(preset: str, found: Sequence[tuple[float, float, float]]) -> list[str]:
    """The table cells of one preset, from what was judged of its clips."""
    conversion = Conversion(PRESETS[preset], default().mel_config)
    error, quality, surplus = (statistics.mean(values) for values in zip(*found, strict=True))
    kind = "exact" if conversion.exact else "each value" if conversion.affine else "by the spectrum"
    differences = ", ".join(conversion.differences) or "-"
    caller = CALLERS.get(preset, "-")
    figures = [f"{error:.3f}", f"{quality:.2f}", f"{surplus:+.1f}"]
    return [preset, kind, differences, *figures, caller]


def main(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of voices, each with wavs/ and test.txt; the example clip if not given."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(help="Greatest number of clips per voice; all if not given.", min=1),
    ] = None,
    workers: Annotated[
        int, typer.Option(help="Number of processes, of one thread each.", min=1)
    ] = 2,
) -> None:
    """Measure the cost of converting mels of every preset."""
    clips = [CLIP]
    if data is not None:
        clips = [clip for voice in find_voices(data, limit).values() for clip in voice]
    jobs = [(preset, clip) for clip in clips for preset in PRESETS]
    found: dict[str, list[tuple[float, float, float]]] = {preset: [] for preset in PRESETS}
    for place, call in pooled(judged, jobs, workers):
        found[jobs[place][0]].append(call.result())
    heads = ["mel", "conversion", "differs in", "error (nepers)", "PESQ", "40 to 80 Hz (dB)"]
    heads.append("adapter and its test")
    lines = [heads, ["---"] * len(heads)]
    lines += [row(preset, of_clips) for preset, of_clips in found.items()]
    print("\n".join(f"| {' | '.join(cells)} |" for cells in lines))


if __name__ == "__main__":
    run_script(main)

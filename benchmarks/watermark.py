"""Measures what the watermark survives, how often it is found where it is not, and what it costs.

The test clips of every voice are marked; marked and unmarked, they are then changed as sounds are
on their way. A clip counts as marked from the confidence that `audiodiff provenance --watermark`
asks for. The watermark holds no message, so there are no bits that could be wrong.

    python benchmarks/watermark.py path/to/voices
"""

import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import torch
import typer
from quality import find_voices
from script import machine, run_script

from audiodiff import Vocoder
from audiodiff.audio.io import Samples, load
from audiodiff.audio.resampling import resample
from audiodiff.metrics.perceptual import pesq_wb
from audiodiff.provenance.watermark import SURE, add, confidence

RATE = 22050

Change = Callable[[Samples], Samples]
"""Changes a sound of `RATE`."""


def mp3(wave: Samples, compression: float) -> Samples:
    """A sound after MP3 of constant bit rate; compression is from 0 to below 1."""
    file = io.BytesIO()
    soundfile.write(
        file,
        wave,
        RATE,
        "MPEG_LAYER_III",
        format="MP3",
        compression_level=compression,
        bitrate_mode="CONSTANT",
    )
    file.seek(0)
    return soundfile.read(file, len(wave), dtype="float32")[0]


def vorbis(wave: Samples) -> Samples:
    """A sound after Ogg Vorbis, as libsndfile encodes it."""
    file = io.BytesIO()
    soundfile.write(file, wave, RATE, "VORBIS", format="OGG")
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def stored(wave: Samples) -> Samples:
    """A sound in 16 bits, as this package writes it."""
    return (np.clip(np.rint(wave * 2**15), -(2**15), 2**15 - 1) / 2**15).astype(np.float32)


def through_16_khz(wave: Samples) -> Samples:
    """A sound without what lies above 8 kHz."""
    return resample(resample(wave, RATE, 16000), 16000, RATE)


def noisy(wave: Samples, snr: float) -> Samples:
    """A sound with white noise, by their ratio in dB."""
    noise = np.random.default_rng(0).standard_normal(len(wave)) * wave.std()
    return (wave + 10 ** (-snr / 20) * noise).astype(np.float32)


def middle(wave: Samples) -> Samples:
    """The second around a sound's middle."""
    first = max(0, (len(wave) - RATE) // 2)
    return wave[first : first + RATE]


def vocoded(wave: Samples, vocoder: Vocoder) -> Samples:
    """A sound made from its mel."""
    whole = vocoder.whole_frames(torch.from_numpy(wave)[None])
    return vocoder(vocoder.mel(whole))[0, : len(wave)].numpy()


def changes(vocoder: Vocoder) -> dict[str, Change]:
    """What is done to clips, by the names of the rows."""
    return {
        "nothing (16 bits)": stored,
        "MP3 of 80 kbit/s": partial(mp3, compression=0.5),
        "MP3 of 24 kbit/s": partial(mp3, compression=0.9),
        "Ogg Vorbis": vorbis,
        "resampling to 16 kHz and back": through_16_khz,
        "noise at 30 dB": partial(noisy, snr=30),
        "noise at 20 dB": partial(noisy, snr=20),
        "cutting to one second": middle,
        "this vocoder, from the mel": partial(vocoded, vocoder=vocoder),
    }


def row(name: str, with_mark: Sequence[float], without: Sequence[float]) -> str:
    """A row of the table, from the confidence in each marked clip and each unmarked one."""
    found = sum(value >= SURE for value in with_mark)
    false = sum(value >= SURE for value in without)
    return (
        f"| {name} | {found} of {len(with_mark)} | {np.mean(with_mark):.2f}, {min(with_mark):.2f} "
        f"| {false} of {len(without)} | {np.mean(without):.2f}, {max(without):.2f} |"
    )


def main(
    data: Annotated[Path, typer.Argument(help="Folder of voices, each with wavs/ and test.txt.")],
    limit: Annotated[int, typer.Option(help="Greatest number of clips per voice.", min=1)] = 2,
    model: Annotated[str, typer.Option(help="Vocoder.")] = "default",
) -> None:
    """Measure what the watermark survives and what it costs."""
    torch.set_num_threads(1)
    paths = [path for voice in find_voices(data, limit).values() for path in voice]
    clips = [load(path, RATE)[0] for path in paths]
    marked = [add(clip, RATE) for clip in clips]
    vocoder = Vocoder.from_pretrained(model)
    print(f"{len(clips)} clips of {sum(map(len, clips)) / RATE:.0f} s in all, {machine()}\n")
    print("| what was done | found | confidence: mean, least | false alarms | mean, greatest |")
    print("|---|---|---|---|---|")
    for name, change in changes(vocoder).items():
        sounds = ([change(wave) for wave in waves] for waves in (marked, clips))
        print(row(name, *([confidence([wave], RATE) for wave in each] for each in sounds)))
    made = [vocoded(clip, vocoder) for clip in clips]
    pairs = {
        "clips, marked": marked,
        "clips, vocoded": made,
        "clips, vocoded and marked": [add(wave, RATE) for wave in made],
    }
    print("\n| PESQ of | mean | least |\n|---|---|---|")
    for name, waves in pairs.items():
        values = [pesq_wb(clip, wave, RATE) for clip, wave in zip(clips, waves, strict=True)]
        print(f"| {name} | {np.mean(values):.2f} | {min(values):.2f} |")


if __name__ == "__main__":
    run_script(main)

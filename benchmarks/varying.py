"""Judges recordings that are varied, and given another style, as two Markdown tables.

Of the test clips of every voice that are varied: MCD and PESQ against the recording, which say how
much remains, and DNSMOS, which hears the result alone. Of those in the style of a clip of the next
voice: the distance of the mean mel from the other clip's, before and after, and DNSMOS. Figures are
means over clips, with 95 % intervals.
"""

from pathlib import Path

import torch
from editing import Data, Limit, Model, Workers, editor, head, judged_by, row
from quality import find_voices
from script import machine, run_script

from audiodiff.audio import io
from audiodiff.metrics.dnsmos import dnsmos
from audiodiff.metrics.perceptual import pesq_wb
from audiodiff.metrics.spectral import mcd
from audiodiff.pipelines.passages import recording_of

STRENGTHS = (0.05, 0.1, 0.2, 0.4, 0.6, 1.0)
STYLE_STRENGTHS = (0.1, 0.3, 0.5)

Figures = tuple[float, float, float]


def varied(clip: Path, strength: float, name: str) -> Figures:
    """MCD in dB and PESQ against the recording, and DNSMOS, of a clip that is varied."""
    torch.set_num_threads(1)
    wave, rate = io.load(clip)
    made = editor(name).vary(torch.from_numpy(wave)[None], rate, strength)[0].numpy()
    return mcd(wave, made, rate), pesq_wb(wave, made, rate), dnsmos(wave, made, rate)


def styled(clip: Path, like: Path, strength: float, name: str) -> Figures:
    """Distance of the mean mel from that of another clip before and after, in dB, and DNSMOS."""
    torch.set_num_threads(1)
    (wave, rate), (other, other_rate) = io.load(clip), io.load(like)
    own = editor(name)
    before, wanted = torch.from_numpy(wave)[None], torch.from_numpy(other)[None]
    after = own.style(before, rate, wanted, other_rate, strength)
    means = [
        own.style_of(recording_of(x, rate), "a clip").mean
        for x, rate in ((before, rate), (wanted, other_rate), (after, rate))
    ]
    far, near = ((mean - means[1]).abs().mean().item() * 20 / 2.302585 for mean in means[::2])
    return far, near, dnsmos(wave, after[0].numpy(), rate)


def main(
    data: Data,
    model: Model = "speech-edit",
    limit: Limit = 4,
    workers: Workers = 2,
) -> None:
    """Measure what varying recordings, and giving them another style, does to them."""
    voices = list(find_voices(data, limit).values())
    clips = [clip for voice in voices for clip in voice]
    others = [voice[0] for voice in (*voices[1:], voices[0]) for _ in range(len(voice))]
    print(f"{len(clips)} clips, {machine()}\n")
    print(head("strength", "MCD (dB)", "PESQ", "DNSMOS"))
    jobs = [(at, (clip, at, model)) for at in STRENGTHS for clip in clips]
    for at, figures in judged_by(varied, jobs, workers).items():
        print(row((at,), figures, (2, 2, 2)))
    print()
    print(head("strength", "mean mel before (dB)", "after", "DNSMOS"))
    pairs = list(zip(clips, others, strict=True))
    moves = [(at, (*pair, at, model)) for at in STYLE_STRENGTHS for pair in pairs]
    for at, figures in judged_by(styled, moves, workers).items():
        print(row((at,), figures, (2, 2, 2)))


if __name__ == "__main__":
    run_script(main)

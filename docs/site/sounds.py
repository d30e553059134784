"""The sounds of docs/listen.md and docs/blind.md, and their pictures: `python docs/site/sounds.py`.

The recordings are in docs/sounds; all other sounds there are made from them, or from a label.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff import Editor, Generator, Run, Upsampler, Vocoder
from audiodiff.audio import io
from audiodiff.audio.plots import Spans, save_figure, spectrogram_figure
from audiodiff.mel.griffin_lim import griffin_lim, magnitudes
from audiodiff.provenance.files import tags_of
from audiodiff.provenance.making import record_of
from audiodiff.provenance.record import Record, Setting

DOCS = Path(__file__).parents[1]
SOUNDS, PICTURES = DOCS / "sounds", DOCS / "pictures"
RECORDING = "-recording"
SEED = 0
PRECISION = "fp32"
"""That of all machines, so that they make the same sounds."""

N_STEPS = 2
N_ITERATIONS = 100
SHOWN = "kathleen-1"
"""The recording beside which Griffin-Lim is heard."""

GAPPED, GAP = "kathleen-2", (0.40, 0.50)
NARROWED, NARROW_RATE = "nathalie-2", 8000
LABELS = {"digit": "seven", "speaker": "jackson"}

Samples = Float[Tensor, " samples"]


def main() -> None:
    """Makes the sounds and draws the pictures."""
    vocode()
    fill()
    widen()
    generate()


def vocode() -> None:
    """Makes every recording anew from its mel, and one of them by Griffin-Lim too."""
    vocoder = Vocoder.from_pretrained("default", precision=PRECISION)
    run = Run(n_steps=N_STEPS, seed=SEED)
    record = record_of(vocoder.model, "default", run)
    for path in sorted(SOUNDS.glob(f"*{RECORDING}.flac")):
        name = path.stem.removesuffix(RECORDING)
        wave = recording(name)
        mel = vocoder.mel(wave[None])
        made = vocoder.make(mel, run)[0]
        save(f"{name}-default", made, record)
        if name == SHOWN:
            config = vocoder.mel_config
            found = griffin_lim(magnitudes(mel, config), config, N_ITERATIONS)
            plain = torch.from_numpy(found).float()
            save(f"{name}-griffin-lim", plain)
            titles = ("recording", f"default, {N_STEPS} steps", f"Griffin-Lim, {N_ITERATIONS}")
            draw("listen-vocoder", list(zip(titles, (wave, made, plain), strict=True)))


def fill() -> None:
    """Cuts a gap into a recording, and fills it."""
    editor = Editor.from_pretrained("speech-edit", precision=PRECISION)
    wave = recording(GAPPED)
    first, last = (round(second * editor.sample_rate) for second in GAP)
    cut = wave.clone()
    cut[first:last] = 0
    filled = editor.inpaint(cut[None], editor.sample_rate, [GAP], SEED)[0]
    save("gap-cut", cut)
    run, edit = editor.run(SEED, None), {"edit": "inpaint"}
    save("gap-filled", filled, record_of(editor.model, "speech-edit", run, edit, [GAP]))
    titles = ("with a gap", "filled", "recording")
    draw("listen-gap", list(zip(titles, (cut, filled, wave), strict=True)), [GAP])


def widen() -> None:
    """Brings a recording to a telephone's rate, and makes it wide again."""
    upsampler = Upsampler.from_pretrained("speech-edit", precision=PRECISION)
    rate, wave = upsampler.sample_rate, recording(NARROWED)
    narrow = torch.from_numpy(io.resample(wave.numpy(), rate, NARROW_RATE))
    wide = upsampler.upsample(narrow[None], NARROW_RATE, seed=SEED)[0]
    save("band-narrow", narrow, rate=NARROW_RATE)
    edit: dict[str, Setting] = {"edit": "upsample", "above_hz": NARROW_RATE // 2}
    run = upsampler.run(SEED, None)
    save("band-wide", wide, record_of(upsampler.model, "speech-edit", run, edit))
    resampled = torch.from_numpy(io.resample(narrow.numpy(), NARROW_RATE, rate))
    titles = (f"{NARROW_RATE} Hz", "made wide", "recording")
    draw("listen-band", list(zip(titles, (resampled, wide, wave), strict=True)))


def generate() -> None:
    """Makes a spoken digit."""
    generator = Generator.from_pretrained("digits", precision=PRECISION)
    record = record_of(generator.model, "digits", Run(seed=SEED))
    wave = generator.generate(label=LABELS, seed=SEED)[0]
    save("digit-seven", wave, record.model_copy(update={"labels": LABELS}))


def recording(name: str) -> Samples:
    """A recording."""
    return torch.from_numpy(io.load(SOUNDS / f"{name}{RECORDING}.flac")[0])


def save(name: str, wave: Samples, record: Record | None = None, rate: int = 22050) -> None:
    """Writes a sound, with the record of what made it if a model did."""
    tags = None if record is None else tags_of(record)
    io.save(SOUNDS / f"{name}.flac", wave.numpy(), rate, tags=tags)


def draw(name: str, shown: Sequence[tuple[str, Samples]], spans: Spans = ()) -> None:
    """Writes spectrograms of sounds as one picture."""
    figure = spectrogram_figure(shown, 22050, spans)
    figure.set_size_inches(7, 5)
    save_figure(figure, PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()

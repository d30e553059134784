"""What each way of making crops differ from their clips is worth: a Markdown table.

A model is tuned to a minute of a voice with no augmentation and with one at a time, and makes that
voice's test clips; what they gain is counted clip by clip, for clips differ far more than models.
OUT keeps every run, its sound and its scores: interrupted, the same command goes on. MODEL must not
have heard the voice; `finetuning.py` leaves one in its OUT/second/model.

    python benchmarks/augmentation.py path/to/voices MODEL -o OUT
"""

from pathlib import Path
from typing import Annotated

import typer
from finetuning import check_voice, judge, some_of, tuning
from quality import cell, claim, find_voices, fingerprint
from script import machine, run_script

from audiodiff.metrics.evaluate import FileScores
from audiodiff.metrics.summary import summarize
from audiodiff.system.atomic import replacing

NONE = "none"

WITHOUT = ("data.start_every=256", "data.gain_db=[0.0, 0.0]", "data.speed=0.0")
"""Nothing; 256 is the mel's hop."""

WITH = {
    "time shift, `start_every = 1`": "data.start_every=1",
    "gain, `gain_db = [-9.0, 6.0]`": "data.gain_db=[-9.0, 6.0]",
    "resampling, `speed = 0.1`": "data.speed=0.1",
    "sign flip, `flip = true`": "data.flip=true",
    "noise floor, `noise_db = [-80.0, -60.0]`": "data.noise_db=[-80.0, -60.0]",
}
"""One setting over the others, by the names of the rows."""

SHOWN = {
    "PESQ": "pesq_wb",
    "M-STFT": "mstft",
    "mel error (nepers)": "mel_mae",
    "MCD (dB)": "mcd",
}


def gains_table(scores: dict[str, list[FileScores]]) -> str:
    """Figures without augmentation, and what each adds to them, clip by clip."""
    lines = [f"| augmentation | {' | '.join(SHOWN)} |", "|---|" + "---|" * len(SHOWN)]
    bare = scores[NONE]
    for name, files in scores.items():
        cells = []
        for metric in SHOWN.values():
            pairs = [
                (file.scores[metric], base.scores[metric])
                for file, base in zip(files, bare, strict=True)
            ]
            values = [
                value if name == NONE else value - base
                for value, base in pairs
                if value is not None and base is not None
            ]
            shown = cell(summarize(values), len(files))
            cells.append(shown if name == NONE or shown.startswith("-") else f"+{shown}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(
    data: Annotated[Path, typer.Argument(help="Holds voices: wavs/, train, dev, test.txt.")],
    model: Annotated[Path, typer.Argument(help="A directory.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for runs, sound, table.")],
    voice: Annotated[str, typer.Option(help="That the model has not heard.")] = "nathalie",
    minutes: Annotated[float, typer.Option(help="Of its data.")] = 1.0,
    steps: Annotated[int, typer.Option(help="Of tuning.", min=10)] = 500,
    workers: Annotated[int, typer.Option(help="Processes that judge.", min=1)] = 2,
    limit: Annotated[int | None, typer.Option(help="Test clips at most.", min=1)] = None,
) -> None:
    """Prints the table; interrupted, the same command goes on."""
    voices = find_voices(data, limit)
    check_voice(voice, voices, data)
    owner = fingerprint(str(model))
    out.mkdir(parents=True, exist_ok=True)
    claim(out, owner)
    part = some_of(data / voice, minutes, out / "data")
    runs = {NONE: tuning(out / NONE, part, steps, model, WITHOUT)}
    for name, setting in WITH.items():
        key = setting.partition(".")[2].partition("=")[0]
        runs[name] = tuning(out / key, part, steps, model, (*WITHOUT, setting))
    for run in runs.values():
        run.train()
    models = {name: run.model for name, run in runs.items()}
    scores = judge(models, {voice: voices[voice]}, out, workers)
    text = (
        f"Model {owner} tuned to {minutes:g} minutes of {voice} for {steps} steps; "
        f"{len(voices[voice])} test clips, one call of the network, seed 0, "
        f"{machine()}. The first row has figures, the others what they add to it; mean "
        f"and 95 % interval over clips.\n\n{gains_table(scores)}\n"
    )
    print(text)
    with replacing(out / "augmentation.md") as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run_script(main)

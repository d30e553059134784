"""Measures what each augmentation of training crops gains, as a Markdown table.

A model is tuned to a minute of a voice, without augmentation and with one at a time, and makes that
voice's test clips. Gains are taken clip by clip, since clips differ far more than models. OUT keeps
every run, its sound and its scores, so the same command resumes after an interruption. MODEL must
not have heard the voice; `finetuning.py` leaves such a model in its OUT/second/model.

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
"""Settings without augmentation; 256 is the mel's hop length."""

WITH = {
    "time shift, `start_every = 1`": "data.start_every=1",
    "gain, `gain_db = [-9.0, 6.0]`": "data.gain_db=[-9.0, 6.0]",
    "resampling, `speed = 0.1`": "data.speed=0.1",
    "sign flip, `flip = true`": "data.flip=true",
    "noise floor, `noise_db = [-80.0, -60.0]`": "data.noise_db=[-80.0, -60.0]",
}
"""The setting that each augmentation changes, by the name of its row."""

SHOWN = {
    "PESQ": "pesq_wb",
    "M-STFT": "mstft",
    "mel error (nepers)": "mel_mae",
    "MCD (dB)": "mcd",
}


def gains_table(scores: dict[str, list[FileScores]]) -> str:
    """A table of scores without augmentation, and what each augmentation adds to them per clip."""
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
    data: Annotated[
        Path,
        typer.Argument(help="Folder of voices, each with wavs/, train.txt, dev.txt and test.txt."),
    ],
    model: Annotated[Path, typer.Argument(help="Model directory.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the runs, their sound and the table.")
    ],
    voice: Annotated[str, typer.Option(help="Voice that the model has not heard.")] = "nathalie",
    minutes: Annotated[float, typer.Option(help="Minutes of that voice to tune on.")] = 1.0,
    steps: Annotated[int, typer.Option(help="Number of tuning steps.", min=10)] = 500,
    workers: Annotated[int, typer.Option(help="Number of processes that judge.", min=1)] = 2,
    limit: Annotated[
        int | None, typer.Option(help="Greatest number of test clips; all if not given.", min=1)
    ] = None,
) -> None:
    """Measure what each augmentation gains; the same command resumes an interrupted run."""
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

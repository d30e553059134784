"""Measures what a few minutes of a new voice are worth, as a Markdown table and a plot.

A model of the default's kind learns the other voices from scratch, by the diffusion loss and then
through its own run of one call. It is then tuned to several amounts of the held-out voice, each for
several numbers of steps and with the learning rate falling to zero, and makes that voice's test
clips. OUT keeps every run, its sound and its scores, so the same command resumes after an
interruption.

    python benchmarks/finetuning.py path/to/voices -o OUT
"""

import subprocess
import sys
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from quality import do_all, find_jobs, find_voices, stored_scores, table
from script import machine, run_script
from systems import System, diffusion

from audiodiff import AudiodiffError, Vocoder
from audiodiff.audio import io
from audiodiff.audio.plots import save_figure
from audiodiff.cli.terminal import step_counts
from audiodiff.data.corpus import read_corpus, read_ids
from audiodiff.metrics.evaluate import FileScores
from audiodiff.metrics.registry import metrics_named
from audiodiff.metrics.summary import summarize
from audiodiff.system.atomic import replacing

RECIPES = Path(__file__).resolve().parents[1] / "recipes"

ONE_CALL = ("model.sampling.times=[0.98, 0.0]",)
BEFORE = "before"
"""Name of the row of the untuned model."""

THROUGH_THE_RUN = (*ONE_CALL, "objective.kind=spectral", "objective.diffusion_items=2")


class Run(NamedTuple):
    """One training.

    Attributes:
        folder: Folder of the run.
        config: Path of the config within `RECIPES`.
        data: Folders of the voices to train on.
        settings: Settings that override the config, as ``key=value``.
        init: Model directory whose weights the run starts from; None to start afresh.
    """

    folder: Path
    config: str
    data: Sequence[Path]
    settings: Sequence[str]
    init: Path | None

    @property
    def model(self) -> Path:
        """Directory of the model that the run ends with."""
        return self.folder / "model"

    def train(self) -> None:
        """Trains, continuing from the last checkpoint if there is one.

        Raises:
            AudiodiffError: If training fails; its own output says why.
        """
        command = [sys.executable, "-m", "audiodiff", "train", str(RECIPES / self.config)]
        command += ["--out", str(self.folder), "--resume"]
        for folder in self.data:
            command += ["--data", str(folder)]
        for setting in self.settings:
            command += ["--set", setting]
        if self.init is not None:
            command += ["--init", str(self.init)]
        if subprocess.run(command).returncode:
            raise AudiodiffError(f"training in {self.folder} failed; see above")


def tuning(
    folder: Path, data: Path, n_steps: int, model: Path, settings: Sequence[str] = ()
) -> Run:
    """A run that tunes a model through its own run of one call, with further settings if any."""
    steps = (f"steps={n_steps}", f"optimizer.warmup={n_steps // 10}")
    return Run(folder, "models/bandsplit-tuned.toml", [data], (*ONE_CALL, *steps, *settings), model)


def check_voice(voice: str, voices: Collection[str], data: Path) -> None:
    """Checks that the data hold a voice.

    Raises:
        AudiodiffError: If they do not.
    """
    if voice not in voices:
        raise AudiodiffError(f"--voice {voice!r} is not in {data}; choose from {', '.join(voices)}")


def some_of(voice: Path, minutes: float, out: Path) -> Path:
    """Makes a folder with a voice's dev clips and its first minutes of training clips.

    Raises:
        AudiodiffError: If the voice has fewer minutes.
    """
    folder = out / f"{voice.name}-{minutes:g}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "wavs").exists():
        (folder / "wavs").symlink_to((voice / "wavs").resolve())
    chosen, seconds = [], 0.0
    for clip in read_corpus([voice]).train:
        if seconds >= 60 * minutes:
            break
        chosen.append(clip.id)
        wave, rate = io.load(clip.path)
        seconds += len(wave) / rate
    if seconds < 60 * minutes:
        raise AudiodiffError(
            f"{voice} has {seconds / 60:.1f} minutes to train on, not {minutes:g}; ask for fewer"
        )
    for name, ids in {"train": chosen, "dev": read_ids(voice / "dev.txt")}.items():
        with replacing(folder / f"{name}.txt") as temporary:
            temporary.write_text("\n".join(ids) + "\n", encoding="utf-8")
    return folder


def judge(
    models: dict[str, Path], voices: dict[str, list[Path]], out: Path, workers: int
) -> dict[str, list[FileScores]]:
    """Scores the test clips that each model makes with one call of its network.

    Args:
        models: Model directories by the names of their rows; all of one kind.
        voices: Test clips by voice.
        out: Folder for sound and scores.
        workers: Number of processes.

    Raises:
        AudiodiffError: If a clip cannot be made or judged.
    """
    systems: dict[str, System] = {
        name: partial(diffusion, model=str(model), n_steps=1) for name, model in models.items()
    }
    config = Vocoder.from_pretrained(next(iter(models.values()))).mel_config
    assert config is not None, "the recipes' models take a mel"
    jobs = find_jobs(voices, list(systems), out / "made")
    metrics = metrics_named(None)
    done = {job: scores for job in jobs if (scores := stored_scores(job, metrics))}
    if pending := [job for job in jobs if job not in done]:
        new, failed = do_all(pending, systems, config, metrics, workers)
        for job, reason in failed.items():
            raise AudiodiffError(f"{job.system}: {job.source}: {reason}")
        done |= new
    return {name: [done[job] for job in jobs if job.system == name] for name in models}


def draw(
    scores: dict[str, list[FileScores]], minutes: Sequence[float], steps: Sequence[int], path: Path
) -> None:
    """Plots M-STFT and MCD against tuning steps, with a line for each amount of data."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axis, (metric, label) in zip(
        figure.subplots(1, 2), (("mstft", "M-STFT"), ("mcd", "MCD (dB)")), strict=True
    ):
        for amount in minutes:
            rows = [scores[name] for name in (BEFORE, *(name_of(amount, n) for n in steps))]
            means = [summarize([file.scores[metric] for file in row]).mean for row in rows]
            axis.plot([0, *steps], means, "o-", label=f"minutes of data: {amount:g}")
        axis.set(xlabel="steps of tuning", ylabel=label)
        axis.grid(alpha=0.3)
        axis.legend()
    save_figure(figure, path)


def name_of(minutes: float, n_steps: int) -> str:
    """Name of the row of a tuned model."""
    return f"{minutes:g} min, {n_steps} steps"


def main(
    data: Annotated[
        Path,
        typer.Argument(help="Folder of voices, each with wavs/, train.txt, dev.txt and test.txt."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the runs, their sound and the table.")
    ],
    voice: Annotated[str, typer.Option(help="Voice to hold out.")] = "nathalie",
    minutes: Annotated[
        str, typer.Option(help="Minutes of that voice to tune on, e.g. 1,5,20.")
    ] = "1,5,20",
    steps: Annotated[
        str, typer.Option(help="Numbers of tuning steps, e.g. 200,1000.")
    ] = "200,1000",
    first: Annotated[
        int, typer.Option(help="Number of training steps with the diffusion loss.", min=1)
    ] = 3000,
    second: Annotated[
        int, typer.Option(help="Number of training steps through the run.", min=1)
    ] = 3000,
    workers: Annotated[int, typer.Option(help="Number of processes that judge.", min=1)] = 2,
    limit: Annotated[
        int | None, typer.Option(help="Greatest number of test clips; all if not given.", min=1)
    ] = None,
) -> None:
    """Measure what tuning to a new voice is worth; the same command resumes a run."""
    amounts, counts = [float(part) for part in minutes.split(",")], step_counts(steps)
    voices = find_voices(data, limit)
    check_voice(voice, voices, data)
    folders = [data / name for name in voices if name != voice]
    others = [folder for folder in folders if (folder / "train.txt").is_file()]
    if not others:
        raise AudiodiffError(f"{data} has no voice beside {voice} with a train.txt; give one")
    speech = "speech/bandsplit.toml"
    rates = ("optimizer.lr=0.015", "optimizer.adamw_lr=2e-3", f"steps={first}")
    start = Run(out / "first", speech, others, (*ONE_CALL, *rates), None)
    rates = ("optimizer.lr=0.003", "optimizer.adamw_lr=4e-4", f"steps={second}")
    before = Run(out / "second", speech, others, (*THROUGH_THE_RUN, *rates), start.model)
    runs = {BEFORE: before}
    for amount in amounts:
        part = some_of(data / voice, amount, out / "data")
        for n in counts:
            folder = out / f"tuned-{amount:g}-{n}"
            runs[name_of(amount, n)] = tuning(folder, part, n, before.model)
    for run in (start, *runs.values()):
        run.train()
    models = {name: run.model for name, run in runs.items()}
    scores = judge(models, {voice: voices[voice]}, out, workers)
    text = (
        f"{voice} held out of {first} and {second} steps on {', '.join(p.name for p in others)}; "
        f"{len(voices[voice])} test clips, one call of the network, seed 0, "
        f"{machine()}. Mean and 95 % interval over clips.\n\n{table(scores, metrics_named(None))}\n"
    )
    print(text)
    with replacing(out / "finetuning.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    draw(scores, amounts, counts, out / "finetuning.png")


if __name__ == "__main__":
    run_script(main)

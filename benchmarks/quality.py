"""Judges a model on test clips beside Griffin-Lim and WORLD, as a Markdown table per voice.

OUT/<system>/<voice>/ gets a wav file and a JSON file of scores for every clip, OUT/quality.md the
tables. Existing results are neither made nor judged again.
"""

import hashlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from pool import pooled
from script import machine, run_script
from systems import SEED, System, clip_of, systems_of

from audiodiff import AudiodiffError, MelConfig, Vocoder
from audiodiff.audio import io
from audiodiff.cli.terminal import step_counts
from audiodiff.metrics.evaluate import FileScores, evaluate_files
from audiodiff.metrics.registry import METRICS, metrics_named
from audiodiff.metrics.summary import Summary, summarize
from audiodiff.model.hub import model_directory
from audiodiff.model.weights import CONFIG_NAME, WEIGHTS_NAME
from audiodiff.system.atomic import replacing


class Job(NamedTuple):
    """One recording through one system.

    Attributes:
        system: Name of the system.
        voice: Name of the voice recorded.
        source: Path of the recording.
        target: Path of the wav file that the system makes.
    """

    system: str
    voice: str
    source: Path
    target: Path

    @property
    def scores(self) -> Path:
        """Path of the JSON file with the scores."""
        return self.target.with_suffix(".json")


def find_voices(data: Path, limit: int | None) -> dict[str, list[Path]]:
    """The recordings in each sub-folder with ``wavs/``: those listed in test.txt, else all.

    Raises:
        AudiodiffError: If there is no recording, or a list names one that is missing.
    """
    voices = {}
    for folder in sorted(data.glob("*/wavs")):
        found = {
            path.stem: path
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in io.AUDIO_SUFFIXES and not path.name.startswith(".")
        }
        names, test_list = list(found), folder.parent / "test.txt"
        if test_list.is_file():
            lines = test_list.read_text(encoding="utf-8-sig").splitlines()
            names = [name for line in lines if (name := line.split("|", 1)[0].strip())]
        missing = [name for name in names if name not in found]
        if missing:
            raise AudiodiffError(
                f"{test_list} names {missing[0]!r}, which {folder} lacks; mend the list"
            )
        voices[folder.parent.name] = [found[name] for name in names][:limit]
    if not any(voices.values()):
        raise AudiodiffError(
            f"{data} holds no voice; give a folder of folders that hold wavs/ with recordings"
        )
    return voices


def find_jobs(voices: dict[str, list[Path]], systems: Sequence[str], out: Path) -> list[Job]:
    """A job for every recording and system, mixed so that the time left is estimated early."""
    folders = {system: out / re.sub(r"[^\w.-]+", "-", system) for system in systems}
    return [
        Job(system, voice, source, folders[system] / voice / f"{source.stem}.wav")
        for voice, sources in voices.items()
        for source in sources
        for system in systems
    ]


def stored_scores(job: Job, metrics: Sequence[str]) -> FileScores | None:
    """The stored scores of a job; None if it is not done or lacks a metric."""
    if not job.scores.is_file():
        return None
    file = FileScores.model_validate_json(job.scores.read_bytes())
    return file if file.scores.keys() >= set(metrics) else None


def do(job: Job, system: System, config: MelConfig, metrics: Sequence[str]) -> FileScores:
    """Makes the wav file of a job unless it exists, and judges it."""
    if not job.target.is_file():
        wave, _ = io.load(job.source, config.sample_rate)
        made = system(clip_of(wave, config))
        io.save(job.target, made[: len(wave)], config.sample_rate)
    scores = evaluate_files(job.source.stem, job.source, job.target, metrics)
    _write(job.scores, scores.model_dump_json(indent=2))
    return scores


def do_all(
    jobs: Sequence[Job],
    systems: dict[str, System],
    config: MelConfig,
    metrics: Sequence[str],
    workers: int,
) -> tuple[dict[Job, FileScores], dict[Job, str]]:
    """Does jobs in other processes.

    Returns:
        The scores of the finished jobs, and an error message for each failed job.
    """
    done, failed = {}, {}
    arguments = [(job, systems[job.system], config, metrics) for job in jobs]
    for place, future in pooled(do, arguments, workers):
        try:
            done[jobs[place]] = future.result()
        except AudiodiffError as error:
            failed[jobs[place]] = str(error)
    return done, failed


def fingerprint(model: str) -> str:
    """Twelve hexadecimal digits that identify a model by its config and weights."""
    digest = hashlib.sha256()
    for name in (CONFIG_NAME, WEIGHTS_NAME):
        digest.update((model_directory(model) / name).read_bytes())
    return digest.hexdigest()[:12]


def claim(out: Path, owner: str) -> None:
    """Reserves a folder for one model, so that tables do not mix results of several.

    Raises:
        AudiodiffError: If the folder holds results of another model.
    """
    mark = out / "model.txt"
    if not mark.is_file():
        _write(mark, owner)
    elif mark.read_text().strip() != owner:
        raise AudiodiffError(f"{out} holds the results of another model; choose another folder")


def cell(summary: Summary, n_clips: int) -> str:
    """A table cell: mean and interval if defined, and the number of clips if not all count."""
    if summary.mean is None:
        return "-"
    interval = "" if summary.interval is None else f" ± {summary.interval:.3f}"
    count = "" if summary.n_files == n_clips else f" ({summary.n_files})"
    return f"{summary.mean:.3f}{interval}{count}"


def table(rows: dict[str, list[FileScores]], metrics: Sequence[str]) -> str:
    """A Markdown table with a row for each system."""
    arrows = {"higher": "↑", "lower": "↓", "nearer 0": "→ 0"}
    heads = [
        " ".join([name, *([f"({metric.unit})"] if metric.unit else []), arrows[metric.better]])
        for name, metric in ((name, METRICS[name]) for name in metrics)
    ]
    lines = [f"| system | clips | {' | '.join(heads)} |", "|---|---|" + "---|" * len(metrics)]
    for system, files in rows.items():
        columns = [[file.scores[name] for file in files] for name in metrics]
        cells = [cell(summarize(values), len(files)) for values in columns]
        lines.append(f"| {system} | {len(files)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def report(head: str, done: dict[Job, FileScores], metrics: Sequence[str]) -> str:
    """The head, a table over all clips and one for each voice."""
    everyone = "all voices"
    voices: dict[str, dict[str, list[FileScores]]] = {everyone: {}}
    for job, scores in done.items():
        for voice in (everyone, job.voice):
            voices.setdefault(voice, {}).setdefault(job.system, []).append(scores)
    tables = (f"### {voice}\n\n{table(rows, metrics)}" for voice, rows in voices.items())
    return "\n\n".join([head, *tables])


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def main(
    data: Annotated[Path, typer.Argument(help="Folder of voices, each with wavs/ and test.txt.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for sound, scores and tables.")],
    model: Annotated[str, typer.Option(help="Model: a directory, a hub id or a name.")] = "default",
    steps: Annotated[str, typer.Option(help="Numbers of steps to compare.")] = "1,2,4,6,8,16",
    workers: Annotated[
        int, typer.Option(help="Number of processes, of one thread each.", min=1)
    ] = 2,
    limit: Annotated[
        int | None,
        typer.Option(help="Greatest number of clips per voice; all if not given.", min=1),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Metrics, separated by commas, or all; all but the slow ones if not given."
        ),
    ] = None,
) -> None:
    """Judge a model beside its baselines; the same command resumes an interrupted run."""
    systems, names = systems_of(model, step_counts(steps)), metrics_named(metrics)
    voices = find_voices(data, limit)
    vocoder = Vocoder.from_pretrained(model)
    owner = fingerprint(model)
    claim(out, owner)
    jobs = find_jobs(voices, list(systems), out)
    done = {job: scores for job in jobs if (scores := stored_scores(job, names))}
    failed: dict[Job, str] = {}
    if pending := [job for job in jobs if job not in done]:
        new, failed = do_all(pending, systems, vocoder.mel_config, names, workers)
        done |= new
    head = (
        f"Model {Path(model).name} ({owner}; {vocoder.model.n_steps} steps by default), "
        f"{sum(map(len, voices.values()))} clips, seed {SEED}, {machine()}. Mean and 95 % "
        "interval over clips; (n) where a figure is defined for n clips only."
    )
    text = report(head, {job: done[job] for job in jobs if job in done}, names)
    print(text)
    _write(out / "quality.md", text)
    for job, reason in failed.items():
        print(f"failed: {job.system}: {job.source}: {reason}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


if __name__ == "__main__":
    run_script(main)

"""Measures what searches for times are worth for a model, as Markdown tables and a plot.

For every sampler and number of steps, the times of each search and of each rule make test clips.
The searches hear dev clips only. OUT/times.json keeps the times found, OUT/scores.jsonl the score
of each clip; an interrupted run continues from them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from pool import pooled
from quality import cell, claim, find_voices, fingerprint
from rich.console import Console
from schedule_runs import Candidate, Plan, find_runs, vocoder_of
from script import machine, run_script

from audiodiff.audio import io
from audiodiff.audio.plots import save_figure
from audiodiff.cli.terminal import step_counts
from audiodiff.metrics.registry import METRICS
from audiodiff.metrics.summary import Summary, summarize
from audiodiff.model import Run
from audiodiff.pipelines.run import resynthesized
from audiodiff.samplers.linear_multistep import Coefficients, LinearMultistep
from audiodiff.search import SEARCHES
from audiodiff.system.atomic import replacing
from audiodiff.system.documents import read_json_lines

SEED = 0

SCORES = {
    "PESQ ↑": "pesq_wb",
    "ESTOI ↑": "estoi",
    "M-STFT ↓": "mstft",
    "mel error (nepers) ↓": "mel_mae",
}
"""The metrics of the tables, by the headings that these have."""


def score(model: str, run: Candidate, source: Path) -> list[float]:
    """Makes a clip by a run and scores it, in the order of `SCORES`."""
    vocoder = vocoder_of(model)
    rate = vocoder.sample_rate
    wave, _ = io.load(source, rate)
    solver = run.sampler if run.coefficients is None else LinearMultistep(run.coefficients)
    asked = Run(solver, times=run.times, seed=SEED)
    sound = resynthesized(vocoder.model, torch.from_numpy(wave)[None], asked)[0].numpy()
    return [METRICS[metric].function(wave, sound, rate) for metric in SCORES.values()]


Scores = dict[tuple[Candidate, str], list[float]]
"""Scores by run and clip name."""


_Key = tuple[str, tuple[float, ...], Coefficients | None, str]
"""What a score depends on: sampler, times, coefficients and clip."""


def score_all(
    model: str, runs: Sequence[Candidate], sources: Sequence[Path], out: Path, workers: int
) -> Scores:
    """The scores of every run and clip, read from OUT/scores.jsonl or computed now."""
    path = out / "scores.jsonl"
    # Keyed by what the sound depends on, as several rules and searches may give the same times.
    known: dict[_Key, list[float]] = {}
    for sampler, times, clip, values, *rest in read_json_lines(path):
        rows = tuple(map(tuple, rest[0])) if rest else None
        known[sampler, tuple(times), rows, clip] = values
    pending = {
        key: (run, source)
        for run in runs
        for source in sources
        if (key := _key_of(run, source)) not in known
    }
    keys = list(pending)
    with path.open("a") as file:
        for place, future in pooled(score, [(model, *pending[key]) for key in keys], workers):
            sampler, times, rows, clip = key = keys[place]
            known[key] = values = future.result()
            line = [sampler, times, clip, values, *([] if rows is None else [rows])]
            file.write(json.dumps(line) + "\n")
            file.flush()
    return {(run, source.stem): known[_key_of(run, source)] for run in runs for source in sources}


def _key_of(run: Candidate, source: Path) -> _Key:
    return run.sampler, run.times, run.coefficients, source.stem


def summary(scores: Scores, run: Candidate, metric: int) -> Summary:
    """Summary of one metric of a run over all clips."""
    return summarize([values[metric] for (own, _), values in scores.items() if own == run])


def tables(scores: Scores, runs: Sequence[Candidate]) -> str:
    """A table for each metric, with a row for each sampler and number of steps."""
    origins = list(dict.fromkeys(run.origin for run in runs))
    n_clips = len({clip for _, clip in scores})
    parts = []
    for i, name in enumerate(SCORES):
        lines = [f"### {name}", "", f"| sampler | steps | {' | '.join(origins)} |"]
        lines.append("|---|---|" + "---|" * len(origins))
        for sampler, n_steps in dict.fromkeys((run.sampler, run.n_steps) for run in runs):
            row = {r.origin: r for r in runs if (r.sampler, r.n_steps) == (sampler, n_steps)}
            cells = [
                cell(summary(scores, row[origin], i), n_clips) if origin in row else "-"
                for origin in origins
            ]
            lines.append(f"| {sampler} | {n_steps} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def draw(scores: Scores, runs: Sequence[Candidate], searched: Sequence[str], path: Path) -> None:
    """Plots PESQ against steps, for each sampler with the best rule and the best search."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axis = figure.subplots()
    for number, sampler in enumerate(dict.fromkeys(run.sampler for run in runs)):
        for kind, style in ((False, "--"), (True, "-")):
            best: dict[int, float] = {}
            for run in runs:
                if run.sampler == sampler and (run.origin in searched) == kind:
                    mean = summary(scores, run, 0).mean
                    if mean is not None:
                        best[run.n_steps] = max(mean, best.get(run.n_steps, 0.0))
            label = f"{sampler}, {'searched' if kind else 'by rule'}"
            axis.plot(*zip(*best.items(), strict=True), style, color=f"C{number}", label=label)
    axis.set(xlabel="steps", ylabel="PESQ", xscale="log")
    steps = sorted({run.n_steps for run in runs})
    axis.set_xticks(steps, [str(n) for n in steps])
    axis.set_xticks([], minor=True)
    axis.grid(alpha=0.3)
    axis.legend()
    save_figure(figure, path)


def main(
    data: Annotated[Path, typer.Argument(help="Folder of voices, each with wavs/ and dev.txt.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for times, scores and tables.")],
    model: Annotated[str, typer.Option(help="Model: a directory, a hub id or a name.")] = "default",
    samplers: Annotated[
        str, typer.Option(help="Samplers to compare.")
    ] = "ddim,dpm++2m,unipc2,heun",
    steps: Annotated[str, typer.Option(help="Numbers of sampler steps.")] = "1,2,3,4,6,8,16",
    methods: Annotated[str, typer.Option(help="Search methods to compare.")] = ",".join(SEARCHES),
    budget: Annotated[
        int | None,
        typer.Option(
            help="Number of runs that coefficients, gradient, grid and perceptual may make; each "
            "method's default if not given.",
            min=1,
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Number of processes that judge.", min=1)] = 2,
    limit: Annotated[int, typer.Option(help="Number of test clips per voice.", min=1)] = 4,
    search: Annotated[
        bool, typer.Option(help="Search for missing times, or show the stored ones only.")
    ] = True,
) -> None:
    """Compare searches with rules; the same command resumes an interrupted run."""
    plan = Plan(samplers.split(","), step_counts(steps), methods.split(","), budget, search)
    voices = find_voices(data, limit)
    owner = fingerprint(model)
    claim(out, owner)
    folders = [data / voice for voice in voices if (data / voice / "dev.txt").is_file()]
    console = Console(stderr=True)
    with torch.no_grad():
        runs = find_runs(model, folders, out, plan, console.print)
    sources = [source for clips in voices.values() for source in clips]
    scores = score_all(model, runs, sources, out, workers)
    head = (
        f"Model {model} ({owner}), {len(sources)} test clips, seed {SEED}, {machine()}. "
        "Mean and 95 % interval over clips; searched on dev clips."
    )
    text = f"{head}\n\n{tables(scores, runs)}\n"
    print(text)
    with replacing(out / "schedules.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    draw(scores, runs, plan.methods, out / "schedules.png")


if __name__ == "__main__":
    run_script(main)

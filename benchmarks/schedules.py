"""Measures what searches for times are worth for a model, as Markdown tables and a plot.

For every sampler and number of steps, the times of each search and of each rule make test clips.
The searches hear dev clips only. OUT/times.json keeps the times found, OUT/scores.jsonl the score
of each clip; an interrupted run continues from them.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
import typer
from pool import pooled
from quality import cell, claim, find_voices, fingerprint
from rich.console import Console
from script import machine, run_script

from audiodiff import AudiodiffError, Vocoder
from audiodiff.audio import io
from audiodiff.audio.plots import save_figure
from audiodiff.cli.terminal import step_counts
from audiodiff.diffusion.times import PUBLISHED, TIMES, TimeGrid, check_times, from_betas
from audiodiff.metrics.registry import METRICS
from audiodiff.metrics.summary import Summary, summarize
from audiodiff.model import Run
from audiodiff.model.hub import model_directory
from audiodiff.model.model import Model
from audiodiff.pipelines.run import resynthesized
from audiodiff.search import SEARCHES, Search, build_search
from audiodiff.search.command import Session, Task
from audiodiff.search.learned import EndsEarlyError
from audiodiff.system.atomic import replacing

SEED = 0

DESCENTS = ("gradient", "perceptual")
"""Searches that start from the times of another run."""

SCORES = {
    "PESQ ↑": "pesq_wb",
    "ESTOI ↑": "estoi",
    "M-STFT ↓": "mstft",
    "mel error (nepers) ↓": "mel_mae",
}
"""The metrics of the tables, by the headings that these have."""


class Candidate(NamedTuple):
    """A run that fills one cell of each table.

    Attributes:
        sampler: Name of the sampler.
        n_steps: Number of sampler steps.
        origin: Name of the rule, published schedule or search that gave the times.
        times: Times of the run, descending to 0.
    """

    sampler: str
    n_steps: int
    origin: str
    times: tuple[float, ...]


@cache
def _vocoder(model: str) -> Vocoder:
    return Vocoder.from_pretrained(model)


def score(model: str, run: Candidate, source: Path) -> list[float]:
    """Makes a clip by a run and scores it, in the order of `SCORES`."""
    vocoder = _vocoder(model)
    rate = vocoder.sample_rate
    wave, _ = io.load(source, rate)
    asked = Run(run.sampler, times=run.times, seed=SEED)
    sound = resynthesized(vocoder.model, torch.from_numpy(wave)[None], asked)[0].numpy()
    return [METRICS[metric].function(wave, sound, rate) for metric in SCORES.values()]


def unsearched(model: Model, sampler: str, n_steps: int) -> Iterator[Candidate]:
    """Runs by every rule, by the model's default, and by published schedules that fit it."""
    t_range, own = model.config.sampling.t_range, model.config.sampling.times
    for rule, place in TIMES.items():
        times = place(model.schedule, n_steps, t_range)
        yield Candidate(sampler, n_steps, rule, tuple(times.tolist()))
    if len(own) - 1 == n_steps:
        yield Candidate(sampler, n_steps, "default", tuple(own))
    for name, betas in PUBLISHED.items():
        if len(betas) == n_steps and name.startswith(model.config.network.kind):
            try:
                times = from_betas(model.schedule, betas)
            except AudiodiffError:  # noise levels that this model was not trained on
                continue
            yield Candidate(sampler, n_steps, name, tuple(times.tolist()))


class Plan(NamedTuple):
    """What the benchmark compares.

    Attributes:
        samplers: Names of the samplers.
        steps: Numbers of sampler steps.
        methods: Names of the searches.
        budget: Number of runs that `gradient`, `grid` and `perceptual` may make; each method's
            default if None.
        search: Whether to search for times not found before.
    """

    samplers: Sequence[str]
    steps: Sequence[int]
    methods: Sequence[str]
    budget: int | None
    search: bool


class TimesFile:
    """Results of searches, kept in a file: the times found, or that none were.

    Args:
        path: Path of the JSON file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known = json.loads(path.read_text()) if path.is_file() else {}

    def __contains__(self, key: str) -> bool:
        return key in self.known

    def get(self, key: str) -> TimeGrid | None:
        """The times stored under a key; None if there are none."""
        times = self.known.get(key)
        return None if times is None else check_times(times)

    def __setitem__(self, key: str, times: TimeGrid | None) -> None:
        self.known[key] = None if times is None else times.tolist()
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps(self.known, indent=1) + "\n")

    def start(self, session: Session, sampler: str, by_rule: TimeGrid) -> TimeGrid:
        """Times that a descent starts from: those of `trajectory` if judged better than the rule's.

        These are the times that successive runs of `audiodiff search` would start from.
        """
        key, trajectory = (
            f"{sampler} {len(by_rule) - 1} {name}" for name in ("start", "trajectory")
        )
        start, earlier = self.get(key), self.get(trajectory)
        if start is None:
            tried = [by_rule] if earlier is None else [by_rule, earlier]
            self[key] = start = max(tried, key=lambda times: session.judge(times).pesq_wb)
        return start


def search_of(session: Session, method: str, out: Path) -> Search:
    """The search of a method, which keeps its files in OUT."""
    setting = session.setting(out)
    if method == "learned":  # its budget is of another kind, training steps
        setting = replace(setting, budget=None)
    return build_search(method, setting)


def find_runs(
    model: str, folders: list[Path], out: Path, plan: Plan, say: Callable[[str], None]
) -> list[Candidate]:
    """All runs; times of searches are read from OUT/times.json or found now."""
    found = TimesFile(out / "times.json")
    runs = []
    for sampler in plan.samplers:
        task = Task(folders, sampler, plan.steps, "", budget=plan.budget)
        session = cache(lambda task=task: Session(model_directory(model), task, say))
        search = cache(lambda method, session=session: search_of(session(), method, out))
        for n_steps in plan.steps:
            rules = list(unsearched(_vocoder(model).model, sampler, n_steps))
            runs += rules
            by_rule = next(check_times(run.times) for run in rules if run.origin == "log-snr")
            for method in plan.methods:
                key = f"{sampler} {n_steps} {method}"
                if key not in found and plan.search:
                    start = by_rule
                    if method in DESCENTS:
                        start = found.start(session(), sampler, by_rule)
                    find, before = search(method), session().calls
                    try:
                        found[key] = times = find(start, lambda done: None)
                        calls = session().calls - before
                        say(f"{key}: {' '.join(f'{t:.4g}' for t in times)}, {calls} calls")
                    except EndsEarlyError as reason:
                        say(f"{key}: {reason}")
                        found[key] = None
                if (known := found.get(key)) is not None:
                    runs.append(Candidate(sampler, n_steps, method, tuple(known.tolist())))
    return runs


Scores = dict[tuple[Candidate, str], list[float]]
"""Scores by run and clip name."""


def score_all(
    model: str, runs: Sequence[Candidate], sources: Sequence[Path], out: Path, workers: int
) -> Scores:
    """The scores of every run and clip, read from OUT/scores.jsonl or computed now."""
    path = out / "scores.jsonl"
    # Keyed by what the sound depends on, as several rules and searches may give the same times.
    known: dict[tuple[str, tuple[float, ...], str], list[float]] = {}
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            sampler, times, clip, values = json.loads(line)
        except ValueError:
            continue  # a line cut off by a kill
        known[sampler, tuple(times), clip] = values
    pending = {
        key: (run, source)
        for run in runs
        for source in sources
        if (key := (run.sampler, run.times, source.stem)) not in known
    }
    keys = list(pending)
    with path.open("a") as file:
        for place, future in pooled(score, [(model, *pending[key]) for key in keys], workers):
            known[keys[place]] = future.result()
            file.write(json.dumps([*keys[place], known[keys[place]]]) + "\n")
            file.flush()
    return {
        (run, source.stem): known[run.sampler, run.times, source.stem]
        for run in runs
        for source in sources
    }


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
            help="Number of runs that gradient, grid and perceptual may make; each method's "
            "default if not given.",
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

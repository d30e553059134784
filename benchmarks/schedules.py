"""What searches for times are worth: Markdown tables and a picture, for one model.

For every sampler and number of steps the times of each search and of each rule make test clips,
which no search has heard: it hears the dev clips. OUT/times.json keeps what was found,
OUT/scores.jsonl what each clip scored; a run that is interrupted goes on from there.
"""

import json
from collections.abc import Callable, Iterator, Sequence
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
from audiodiff.model.hub import model_directory
from audiodiff.model.model import Model
from audiodiff.search.command import METHODS, Search, Task
from audiodiff.search.learned import EndsEarlyError
from audiodiff.system.atomic import replacing

SEED = 0

DESCENTS = ("gradient", "perceptual")
"""Searches that set out from a run."""

SCORES = {
    "PESQ ↑": "pesq_wb",
    "ESTOI ↑": "estoi",
    "M-STFT ↓": "mstft",
    "mel error (nepers) ↓": "mel_mae",
}
"""The metrics of the tables, by the headings that these have."""


class Run(NamedTuple):
    """A row and a column of the tables.

    Attributes:
        sampler: By name.
        n_steps: Of the run.
        origin: The rule, published schedule or search that its times are from.
        times: They.
    """

    sampler: str
    n_steps: int
    origin: str
    times: tuple[float, ...]


@cache
def _vocoder(model: str) -> Vocoder:
    return Vocoder.from_pretrained(model)


def score(model: str, run: Run, source: Path) -> list[float]:
    """What a clip made by a run scores, in the order of `SCORES`."""
    vocoder = _vocoder(model)
    rate, inner = vocoder.sample_rate, vocoder.model
    wave, _ = io.load(source, rate)
    whole = vocoder.whole_frames(torch.from_numpy(wave)[None])
    with torch.inference_mode():
        sampler = inner.sampler(run.sampler)
        mel, times = vocoder.mel(whole), check_times(run.times)
        made = inner.make(mel, whole.shape[1], times, sampler, [SEED], [0])
    sound = made[0, : len(wave)].numpy()
    return [METRICS[metric].function(wave, sound, rate) for metric in SCORES.values()]


def unsearched(model: Model, sampler: str, n_steps: int) -> Iterator[Run]:
    """The runs of every rule, the model's own, and published schedules that fit the model."""
    t_range, own = model.config.sampling.t_range, model.config.sampling.times
    for rule, place in TIMES.items():
        times = place(model.schedule, n_steps, t_range)
        yield Run(sampler, n_steps, rule, tuple(times.tolist()))
    if len(own) - 1 == n_steps:
        yield Run(sampler, n_steps, "default", tuple(own))
    for name, betas in PUBLISHED.items():
        if len(betas) == n_steps and name.startswith(model.config.network.kind):
            try:
                times = from_betas(model.schedule, betas)
            except AudiodiffError:  # levels that this model was not trained on
                continue
            yield Run(sampler, n_steps, name, tuple(times.tolist()))


class Plan(NamedTuple):
    """What is compared.

    Attributes:
        samplers: By name.
        steps: Of their runs.
        methods: Searches, by name.
        budget: Runs that `gradient`, `grid` and `perceptual` may make; None for their own.
        search: Whether to search for what was not found before.
    """

    samplers: Sequence[str]
    steps: Sequence[int]
    methods: Sequence[str]
    budget: int | None
    search: bool


class TimesFile:
    """Times by what found them, kept in a file, and what found none.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known = json.loads(path.read_text()) if path.is_file() else {}

    def __contains__(self, key: str) -> bool:
        return key in self.known

    def get(self, key: str) -> TimeGrid | None:
        """The times, if any were found."""
        times = self.known.get(key)
        return None if times is None else check_times(times)

    def __setitem__(self, key: str, times: TimeGrid | None) -> None:
        self.known[key] = None if times is None else times.tolist()
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps(self.known, indent=1) + "\n")

    def start(self, search: Search, sampler: str, by_rule: TimeGrid) -> TimeGrid:
        """Where a descent sets out: what `trajectory` found if it is judged better than the rule.

        So it would be if `audiodiff search` ran one after the other.
        """
        key, trajectory = (
            f"{sampler} {len(by_rule) - 1} {name}" for name in ("start", "trajectory")
        )
        start, earlier = self.get(key), self.get(trajectory)
        if start is None:
            tried = [by_rule] if earlier is None else [by_rule, earlier]
            self[key] = start = max(tried, key=lambda times: search.judge(times).pesq_wb)
        return start


def find_runs(
    model: str, folders: list[Path], out: Path, plan: Plan, say: Callable[[str], None]
) -> list[Run]:
    """All runs, of which the searched ones are read from OUT/times.json or found now."""
    found = TimesFile(out / "times.json")
    runs = []
    for sampler in plan.samplers:
        task = Task(folders, sampler, plan.steps, "")
        search = cache(lambda task=task: Search(model_directory(model), task, say))
        for n_steps in plan.steps:
            rules = list(unsearched(_vocoder(model).model, sampler, n_steps))
            runs += rules
            by_rule = next(check_times(run.times) for run in rules if run.origin == "log-snr")
            for method in plan.methods:
                key = f"{sampler} {n_steps} {method}"
                if key not in found and plan.search:
                    start = by_rule
                    if method in DESCENTS:
                        start = found.start(search(), sampler, by_rule)
                    # The learned one's budget is of another kind: steps of its training.
                    own = None if method == "learned" else plan.budget
                    search().task = task._replace(budget=own)
                    try:
                        times, calls = search().find(start, method, out, lambda done: None)
                        say(f"{key}: {' '.join(f'{t:.4g}' for t in times)}, {calls} calls")
                        found[key] = times
                    except EndsEarlyError as reason:
                        say(f"{key}: {reason}")
                        found[key] = None
                if (known := found.get(key)) is not None:
                    runs.append(Run(sampler, n_steps, method, tuple(known.tolist())))
    return runs


Scores = dict[tuple[Run, str], list[float]]
"""By run and clip."""


def score_all(
    model: str, runs: Sequence[Run], sources: Sequence[Path], out: Path, workers: int
) -> Scores:
    """The scores of every run and clip, read from OUT/scores.jsonl or found now."""
    path = out / "scores.jsonl"
    # By what the sound depends on: several rules and searches may give the same times.
    known: dict[tuple[str, tuple[float, ...], str], list[float]] = {}
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            sampler, times, clip, values = json.loads(line)
        except ValueError:
            continue  # cut short by a kill
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


def summary(scores: Scores, run: Run, metric: int) -> Summary:
    """One figure of one run over all clips."""
    return summarize([values[metric] for (own, _), values in scores.items() if own == run])


def tables(scores: Scores, runs: Sequence[Run]) -> str:
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


def draw(scores: Scores, runs: Sequence[Run], searched: Sequence[str], path: Path) -> None:
    """PESQ against steps: for each sampler the best rule and the best search."""
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
    data: Annotated[Path, typer.Argument(help="Holds voices: folders with wavs/, dev.txt.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for times, scores, tables.")],
    model: Annotated[str, typer.Option(help="A directory, a hub id or a name.")] = "default",
    samplers: Annotated[str, typer.Option(help="By name.")] = "ddim,dpm++2m,unipc2,heun",
    steps: Annotated[str, typer.Option(help="Of the samplers.")] = "1,2,3,4,6,8,16",
    methods: Annotated[str, typer.Option(help="Searches.")] = ",".join(METHODS),
    budget: Annotated[
        int | None,
        typer.Option(help="Runs of gradient, grid, perceptual; their own by default.", min=1),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that judge.", min=1)] = 2,
    limit: Annotated[int, typer.Option(help="Test clips of each voice.", min=1)] = 4,
    search: Annotated[
        bool, typer.Option(help="Search for what is missing, or show what there is.")
    ] = True,
) -> None:
    """Prints the tables; interrupted, the same command goes on."""
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

"""The runs that `schedules.py` compares, by rule and by search, and the times that these found."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from audiodiff import AudiodiffError, Vocoder
from audiodiff.diffusion.times import PUBLISHED, TIMES, TimeGrid, check_times, from_betas
from audiodiff.model.hub import model_directory
from audiodiff.model.model import Model
from audiodiff.samplers.linear_multistep import Coefficients
from audiodiff.search import Search, Solved, build_search
from audiodiff.search.learned import EndsEarlyError
from audiodiff.search.session import Session, Task
from audiodiff.system.atomic import replacing
from audiodiff.system.documents import read_json

DESCENTS = ("coefficients", "gradient", "perceptual")
"""Searches that start from the times of another run."""


class Candidate(NamedTuple):
    """A run that fills one cell of each table.

    Attributes:
        sampler: Name of the sampler.
        n_steps: Number of sampler steps.
        origin: Name of the rule, published schedule or search that gave the times.
        times: Times of the run, descending to 0.
        coefficients: Those of `LinearMultistep`, which takes the sampler's place; None for the
            sampler itself.
    """

    sampler: str
    n_steps: int
    origin: str
    times: tuple[float, ...]
    coefficients: Coefficients | None = None


@cache
def vocoder_of(model: str) -> Vocoder:
    """The vocoder of a model, loaded once in each process."""
    return Vocoder.from_pretrained(model)


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
        budget: Number of runs that `coefficients`, `gradient`, `grid` and `perceptual` may make;
            each method's default if None.
        search: Whether to search for times not found before.
    """

    samplers: Sequence[str]
    steps: Sequence[int]
    methods: Sequence[str]
    budget: int | None
    search: bool


class TimesFile:
    """Results of searches, kept in a file: the times found, or that none were.

    A run with coefficients is kept as a pair of both.

    Args:
        path: Path of the JSON file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known = read_json(path, "delete it") if path.is_file() else {}

    def __contains__(self, key: str) -> bool:
        return key in self.known

    def get(self, key: str) -> TimeGrid | Solved | None:
        """What is stored under a key; None if nothing was found."""
        kept = self.known.get(key)
        if kept is None or not isinstance(kept[0], list):
            return None if kept is None else check_times(kept)
        times, rows = kept
        return Solved(check_times(times), tuple(map(tuple, rows)))

    def __setitem__(self, key: str, found: TimeGrid | Solved | None) -> None:
        if isinstance(found, Solved):
            self.known[key] = [found.times.tolist(), found.coefficients]
        else:
            self.known[key] = None if found is None else found.tolist()
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
        assert not isinstance(start, Solved), "stored below"
        assert not isinstance(earlier, Solved), "trajectory finds times alone"
        if start is None:
            tried = [by_rule] if earlier is None else [by_rule, earlier]
            self[key] = start = max(tried, key=lambda times: session.judge(times).score)
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
            rules = list(unsearched(vocoder_of(model).model, sampler, n_steps))
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
                        found[key] = find(start, lambda done: None)
                        calls = session().calls - before
                        say(f"{key}: {_in_words(found.get(key))}, {calls} calls")
                    except EndsEarlyError as reason:
                        say(f"{key}: {reason}")
                        found[key] = None
                if (known := found.get(key)) is not None:
                    times, rows = known if isinstance(known, Solved) else (known, None)
                    runs.append(Candidate(sampler, n_steps, method, tuple(times.tolist()), rows))
    return runs


def _in_words(found: TimeGrid | Solved | None) -> str:
    """The times, and the coefficients if there are some."""
    if found is None:
        return "nothing"
    times, rows = found if isinstance(found, Solved) else (found, ())
    words = " ".join(f"{t:.4g}" for t in times.tolist())
    return "; ".join([words, *(" ".join(f"{b:.3g}" for b in row) for row in rows)])

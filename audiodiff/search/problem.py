"""What a search works on: a model, a sampler and recordings."""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from types import MappingProxyType

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from audiodiff._types import Condition, Draw, Sampler, State, Times, Wave
from audiodiff.conditioning.parts import selected
from audiodiff.diffusion.noise import Colored, NoiseTape
from audiodiff.diffusion.targets import diffused
from audiodiff.diffusion.times import TimeGrid, log_snr
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.pipelines.run import with_mel
from audiodiff.samplers.loop import initial_state, last, sample

Moment = Float[Tensor, ""]
"""A single time."""

Levels = Float64[Tensor, " n_steps"]
"""Log-SNR at every time of a run except the last, which is 0."""

Cost = Callable[[TimeGrid], float]
"""Cost of a run; lower is better."""

Report = Callable[[float], None]
"""Receives the fraction done, in (0, 1]."""

N_CANDIDATES = 64
"""Number of times among which a search chooses, and the most steps of a run that it finds."""


class Problem:
    """A model, a sampler and recordings whose mels are turned back into sound.

    A model without a mel makes new sounds of the recordings' labels.

    Args:
        model: Model to run.
        asked: Sampler and precision of the runs, and the seed of the first clip's noise; the other
            clips take the seeds after it.
        waves: Recordings of one length at the model's sample rate, (clips, samples).
        cond: Condition of the recordings beside their mel.

    Attributes:
        calls: Number of network calls so far; a batch counts once for each clip.
        x0: Recordings as states.
    """

    def __init__(
        self, model: Model, asked: Run, waves: Wave, cond: Condition = MappingProxyType({})
    ) -> None:
        self.model, self.asked, self.calls = model, asked, 0
        self._errors: list[float] = []
        n_samples = waves.shape[1] // model.config.hop_length * model.config.hop_length
        self.waves = waves[:, :n_samples]
        self.cond = with_mel(model, cond, self.waves)
        self.x0 = model.codec.encode(self.waves)
        (seed,) = asked.seeds(1)
        self.bind(range(seed, seed + len(waves)))
        self.eps = self._noise(self.x0, 0)
        self._target = None if model.log_mel is None else self.waves

    def bind(self, seeds: Sequence[int]) -> None:
        """Derives all that depends on the condition and the seeds, one seed for each clip."""
        model, self.seeds = self.model, seeds
        self.shape = model.prior.condition(self.cond)
        tape = NoiseTape(seeds, [0] * len(seeds))
        self._noise = Colored(tape, model.codec, model.prior, self.cond, self.n_samples)
        self._denoise = model.context(self.cond, self.n_samples, self.asked).denoiser(self.cond)

    @property
    def n_samples(self) -> int:
        """Length of each clip in samples."""
        return self.waves.shape[1]

    @property
    def target(self) -> Wave:
        """What a run ought to make: the recordings.

        Of a model without a mel, what its own run of `N_CANDIDATES` steps makes of the same noise.
        """
        if self._target is None:
            self._target = self.run(self.candidates(N_CANDIDATES))
        return self._target

    def sampler(self) -> Sampler:
        """The sampler of the runs, newly built."""
        return self.model.sampler(self.asked)

    @property
    def solver(self) -> Sampler:
        """The sampler of the runs without a clamp."""
        return self.model.solver(self.asked)

    def denoise(self, x_t: State, t: Times) -> State:
        """The network's estimate of the clean state; counts the calls."""
        self.calls += len(x_t)
        return self._denoise(x_t, t)

    def batch(self, t: Moment) -> Times:
        """The same time for every clip."""
        return t.reshape(1).expand(len(self.x0))

    def start(self, t: Moment) -> State:
        """The state from which a run sets out at time t: noise alone."""
        return initial_state(self.model.schedule, t[None], self._noise, self.x0, None)

    def states(self, times: TimeGrid) -> Iterator[State]:
        """Yields the state after each step of a run without guidance; times may need gradients."""
        return sample(
            self.denoise, self.model.schedule, self.sampler(), times, self._noise, self.x0
        )

    def diffused(self, t: Moment) -> State:
        """The recordings diffused to time t."""
        return diffused(self.model.schedule, self.batch(t), self.x0, self.eps)

    def error(self, one: State, other: State) -> float:
        """Mean squared difference in the prior's whitened coordinates."""
        return self.model.prior.whiten(one - other, self.shape).square().mean().item()

    def estimate_errors(self, report: Report) -> list[float]:
        """The error of the estimate from the diffused recordings at each of `N_CANDIDATES` times.

        The errors are computed once and then kept; their calls count each time.
        """
        times = self.candidates(N_CANDIDATES)[:-1]
        self.calls += len(self._errors) * len(self.x0)
        for t in times[len(self._errors) :]:
            x0_hat = self.denoise(self.diffused(t), self.batch(t))
            self._errors.append(self.error(x0_hat, self.x0))
            report(len(self._errors) / N_CANDIDATES)
        return self._errors

    def draws(self) -> Draw:
        """A source of noise that gives every run the same."""
        places = iter(range(1, 2**31))
        return lambda: self._noise(self.x0, next(places))

    def plain_run(self, times: TimeGrid) -> Wave:
        """The sound of a run without guidance, see `states`."""
        return self.model.codec.decode(last(self.states(times)), self.n_samples)

    def run(self, times: TimeGrid) -> Wave:
        """The sound of a whole run, with the model's guidance."""
        return self.model.codec.decode(self.end(times), self.n_samples)

    def end(self, times: TimeGrid, sampler: Sampler | None = None) -> State:
        """The state at the end of a whole run, with the model's guidance.

        Args:
            times: Times of the run.
            sampler: Another sampler than that of the runs.
        """
        run = replace(self.asked, times=times.tolist(), seed=tuple(self.seeds))
        if sampler is not None:
            run = replace(run, sampler=sampler)
        self.calls += len(self.x0) * (len(times) - 1) * self.model.sampler(run).calls
        tape = NoiseTape(self.seeds, [0] * len(self.seeds))
        return last(self.model.states(torch.zeros_like(self.waves), self.cond, run, tape))

    def part(self, first: int, n: int) -> "Problem":
        """``n`` of the clips with their own noise, from index ``first`` on and round again."""
        chosen = [i % len(self.waves) for i in range(first, first + n)]
        part = copy(self)
        part.calls, part._errors = 0, []
        part.waves, part.x0, part.eps = (x[chosen] for x in (self.waves, self.x0, self.eps))
        part._target = None if self._target is None else self._target[chosen]
        part.cond = selected(self.cond, chosen)
        part.bind([self.seeds[i] for i in chosen])
        return part

    def ends(self) -> tuple[float, float]:
        """The first and last time at which the network may be called."""
        first = 1.0
        if self.model.config.sampling.t_range is not None:
            first = self.model.config.sampling.t_range[0]
        return first, self.model.schedule.t_min

    def levels_of(self, times: TimeGrid) -> Levels:
        """The levels of a run; a time without signal counts as the nearest that has some."""
        schedule = self.model.schedule
        return log_snr(schedule, times[:-1].clamp(max=1 - schedule.t_min))

    def times_of(self, levels: Levels) -> TimeGrid:
        """The run with the given levels, clamped to where the network may be called."""
        first, _ = self.ends()
        times = self.model.schedule.t_of_log_snr(levels.clamp(max=self.level_range()[1]))
        return torch.cat([times.clamp(max=first), times.new_zeros(1)])

    def level_range(self) -> tuple[float, float]:
        """The log-SNR at the first and last time at which the network may be called."""
        low, high = self.levels_of(torch.tensor([*self.ends(), 0], dtype=torch.float64)).tolist()
        return low, high

    def candidates(self, n: int) -> TimeGrid:
        """``n`` falling times at equal steps of log-SNR, and 0."""
        times = self.times_of(torch.linspace(*self.level_range(), n, dtype=torch.float64))
        times[0] = self.ends()[0]
        return times

"""What a search works on: a model, a sampler and some recordings."""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from audiodiff._types import Condition, Draw, Sampler, State, Times, Wave
from audiodiff.diffusion.noise import Colored, NoiseTape
from audiodiff.diffusion.targets import expand
from audiodiff.diffusion.times import TimeGrid, log_snr
from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.pipelines.run import mel_of
from audiodiff.samplers.loop import initial_state, last, sample

Moment = Float[Tensor, ""]
"""One time."""

Levels = Float64[Tensor, " n_steps"]
"""The log-SNR of every time of a run but the last, which is 0."""

Cost = Callable[[TimeGrid], float]
"""What a run costs in quality: the less the better."""

Report = Callable[[float], None]
"""Takes the fraction done."""

N_CANDIDATES = 64
"""Times among which the searches choose."""


class Problem:
    """A model, a sampler and recordings whose mels it makes sound of.

    Args:
        model: What runs.
        asked: The sampler and the precision of its runs, and the seed of the first clip's noise;
            those of the others follow.
        waves: (clips, samples), all of one length, at the model's rate.

    Attributes:
        calls: Of the network until now, each clip of a batch counted.
        x0: The recordings as states.

    Raises:
        AudiodiffError: If the model has no mel.
    """

    def __init__(self, model: Model, asked: Run, waves: Wave) -> None:
        if model.log_mel is None:
            raise AudiodiffError("a search needs a model with a mel")
        self.model, self.asked, self.calls = model, asked, 0
        self._errors: list[float] = []
        n_samples = waves.shape[1] // model.config.hop_length * model.config.hop_length
        self.waves = waves[:, :n_samples]
        self.mel = mel_of(model, self.waves)
        self.x0 = model.codec.encode(self.waves)
        (seed,) = asked.seeds(1)
        self.bind(range(seed, seed + len(waves)))
        self.eps = self._noise(self.x0, 0)

    def bind(self, seeds: Sequence[int]) -> None:
        """Derives from the mel and the seeds what depends on them."""
        model, self.seeds = self.model, seeds
        self.cond: Condition = {"mel": self.mel}
        self.shape = model.prior.condition(self.cond)
        tape = NoiseTape(seeds, [0] * len(seeds))
        self._noise = Colored(tape, model.codec, model.prior, self.cond, self.n_samples)
        self._denoise = model.context(self.cond, self.n_samples, self.asked).denoiser(self.cond)

    @property
    def n_samples(self) -> int:
        """Of each clip."""
        return self.waves.shape[1]

    def sampler(self) -> Sampler:
        """The sampler in its initial form."""
        return self.model.sampler(self.asked)

    def denoise(self, x_t: State, t: Times) -> State:
        """The network's estimate, counted."""
        self.calls += len(x_t)
        return self._denoise(x_t, t)

    def batch(self, t: Moment) -> Times:
        """One time for every clip."""
        return t.reshape(1).expand(len(self.x0))

    def start(self, t: Moment) -> State:
        """The state that a run from time t sets out from: noise alone."""
        return initial_state(self.model.schedule, t[None], self._noise, self.x0, None)

    def states(self, times: TimeGrid) -> Iterator[State]:
        """Of a run by the network alone, after each step; the times may have gradients."""
        return sample(
            self.denoise, self.model.schedule, self.sampler(), times, self._noise, self.x0
        )

    def diffused(self, t: Moment) -> State:
        """The recordings with noise of time t."""
        times, schedule = self.batch(t), self.model.schedule
        return (
            expand(schedule.alpha(times), self.x0) * self.x0
            + expand(schedule.sigma(times), self.x0) * self.eps
        )

    def error(self, one: State, other: State) -> float:
        """Mean squared difference in the prior's whitened coordinates."""
        return self.model.prior.whiten(one - other, self.shape).square().mean().item()

    def estimate_errors(self, report: Report) -> list[float]:
        """The error of the estimate at each of `N_CANDIDATES` times, from the recordings diffused.

        They are found once, for all that ask.
        """
        times = self.candidates(N_CANDIDATES)[:-1]
        for t in times[len(self._errors) :]:
            x0_hat = self.denoise(self.diffused(t), self.batch(t))
            self._errors.append(self.error(x0_hat, self.x0))
            report(len(self._errors) / N_CANDIDATES)
        return self._errors

    def draws(self) -> Draw:
        """Noise for a run, the same in every one."""
        places = iter(range(1, 2**31))
        return lambda: self._noise(self.x0, next(places))

    def plain_run(self, times: TimeGrid) -> Wave:
        """The sound of `states`."""
        return self.model.codec.decode(last(self.states(times)), self.n_samples)

    def run(self, times: TimeGrid) -> Wave:
        """The sound of a whole run, with all that the model does at its end."""
        self.calls += len(self.x0) * (len(times) - 1) * self.sampler().calls
        run = replace(self.asked, times=times.tolist(), seed=tuple(self.seeds))
        return self.model.make(self.cond, self.n_samples, run)

    def part(self, first: int, n: int) -> "Problem":
        """``n`` of the clips with their own noise, counted round from ``first``."""
        chosen = [i % len(self.waves) for i in range(first, first + n)]
        part = copy(self)
        part.calls, part._errors = 0, []
        part.waves, part.mel, part.x0, part.eps = (
            x[chosen] for x in (self.waves, self.mel, self.x0, self.eps)
        )
        part.bind([self.seeds[i] for i in chosen])
        return part

    def ends(self) -> tuple[float, float]:
        """Where the network may first and last be called: the model's range, or all there is."""
        first = 1.0
        if self.model.config.sampling.t_range is not None:
            first = self.model.config.sampling.t_range[0]
        return first, self.model.schedule.t_min

    def levels_of(self, times: TimeGrid) -> Levels:
        """A run's levels, the first as near to its own as there is some signal."""
        schedule = self.model.schedule
        return log_snr(schedule, times[:-1].clamp(max=1 - schedule.t_min))

    def times_of(self, levels: Levels) -> TimeGrid:
        """The run that has given levels, as far as the network may be called there."""
        first, _ = self.ends()
        times = self.model.schedule.t_of_log_snr(levels.clamp(max=self.level_range()[1]))
        return torch.cat([times.clamp(max=first), times.new_zeros(1)])

    def level_range(self) -> tuple[float, float]:
        """The log-SNR where the network may first and last be called."""
        low, high = self.levels_of(torch.tensor([*self.ends(), 0], dtype=torch.float64)).tolist()
        return low, high

    def candidates(self, n: int) -> TimeGrid:
        """``n`` falling times, equal steps of log-SNR apart from the first to the last, then 0."""
        times = self.times_of(torch.linspace(*self.level_range(), n, dtype=torch.float64))
        times[0] = self.ends()[0]
        return times

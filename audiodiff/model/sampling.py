"""The default run of a model."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from audiodiff._types import Sampler, Schedule
from audiodiff.config import MAX_STEPS, Config, GuidanceScale, SampleCount
from audiodiff.diffusion.times import TIMES, TimeGrid, check_times
from audiodiff.guidance.registry import GuidanceConfig
from audiodiff.model.found import Found, FoundTimes
from audiodiff.model.run import Run
from audiodiff.model.upgrade import PASSES, sampling_of_format_1
from audiodiff.samplers.linear_multistep import LinearMultistep
from audiodiff.samplers.registry import build_sampler


class SamplingConfig(Config):
    """The default run of a model.

    Attributes:
        sampler: A name in `SAMPLERS`, with or without ``+langevin``.
        times: Times of the run, falling from noise to 0.
        rule: The rule that places another number of steps, a name in `TIMES`.
        t_range: The first and the last time at which runs of another number of steps call the
            network; None for the rule's own.
        clamp: Greatest magnitude of the state, clamped after every step; None for no clamp.
        start_passes: Number of passes of `MelProjection` that make noise agree with the mel, as
            the guess from which the run starts; 0 to start from noise alone.
        guidance: Wrappers of the denoiser, the innermost first.
        guidance_scale: Scale of the guidance that has one: 1 is the conditional model, 0 the
            unconditional one.
        n_samples: Length in samples of a sound for which no other is asked, for a model without a
            mel; None for a second.
    """

    sampler: str = "ddim"
    times: tuple[float, ...] = Field(max_length=MAX_STEPS + 1)
    rule: str = "uniform"
    clamp: Annotated[float, Field(gt=0, le=1e6)] | None = None
    t_range: tuple[float, float] | None = None
    start_passes: int = Field(default=0, ge=0, le=MAX_STEPS)
    guidance: tuple[GuidanceConfig, ...] = ()
    guidance_scale: GuidanceScale = 1.0
    n_samples: SampleCount | None = None

    @model_validator(mode="before")
    @classmethod
    def _upgraded(cls, values: Any) -> Any:
        old = isinstance(values, dict) and any(name in values for name in PASSES)
        if old and "guidance" in values:
            raise ValueError(f"give guidance alone, without {', '.join(PASSES)}")
        return sampling_of_format_1(values) if old else values

    @model_validator(mode="after")
    def _known_names(self) -> "SamplingConfig":
        build_sampler(self.sampler)
        if self.rule not in TIMES:
            raise ValueError(f"rule={self.rule!r} is unknown; choose from {', '.join(TIMES)}")
        check_times(self.times)
        if self.t_range is not None and not 1 > self.t_range[0] > self.t_range[1] > 0:
            raise ValueError(f"t_range={self.t_range} must fall, both between 0 and 1")
        return self

    def sampler_of(self, run: Run) -> str | Sampler:
        """The sampler of a run, or its name."""
        return self.sampler if run.sampler is None else run.sampler

    def found_of(self, run: Run, searched: FoundTimes) -> Found | None:
        """What a search found for a run; None if there is nothing, or the run has its own times."""
        name = self.sampler_of(run)
        if run.times is not None or run.n_steps is None or not isinstance(name, str):
            return None
        return searched.get((name, run.n_steps))

    def solver_of(self, run: Run, found: Found | None) -> Sampler:
        """The sampler of a run, or the coefficients that a search found in its place.

        Raises:
            AudiodiffError: If its name is unknown.
        """
        if found is not None and found.coefficients is not None:
            return LinearMultistep(found.coefficients)
        return build_sampler(self.sampler_of(run))

    def times_of(self, run: Run, schedule: Schedule, found: Found | None) -> TimeGrid:
        """The times of a run: those given, those that a search found, or by the rule.

        Raises:
            AudiodiffError: If given times do not fall from at most 1 to 0.
        """
        if run.times is not None:
            return check_times(run.times)
        if run.n_steps is None:
            return check_times(self.times)
        if found is not None:
            return check_times(found.times)
        if run.n_steps == len(self.times) - 1:
            return check_times(self.times)
        return TIMES[self.rule](schedule, run.n_steps, self.t_range)

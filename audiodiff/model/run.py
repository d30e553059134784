"""The settings of one run of a model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from audiodiff._types import Sampler
from audiodiff.config import MAX_STEPS, GuidanceScale, Seed, StepCount, checked
from audiodiff.errors import AudiodiffError, refuse_class
from audiodiff.guidance.contract import Guidance

_Seeds = tuple[Seed, ...]
_Times = Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(max_length=MAX_STEPS + 1)]


@dataclass(frozen=True)
class Run:
    """One run of a model, from noise to sound; None stands for the model's own setting.

    Attributes:
        sampler: A sampler, or a name in `SAMPLERS`, to which ``+langevin`` adds a Langevin
            corrector.
        n_steps: Number of sampler steps.
        times: Times at which the steps begin and end, falling from at most 1 to 0, instead of
            ``n_steps``.
        seed: Seed of the noise, 0 or more: one for all items, so that each sounds as it would
            alone, or one for each.
        guidance: Wrappers of the denoiser, such as `MelConsistency`, the innermost first, instead
            of the model's own.
        guidance_scale: Scale of the guidance that has one: 1 is the conditional model, 0 the
            unconditional one.
        precision: Precision of the network's products: ``fp32``, ``bf16``, or ``auto``, which is
            bf16 where the device has instructions for it. None takes that of the vocoder or
            generator, or ``fp32`` where there is neither.
        negative_text: Text that guidance leads away from, instead of from sounds of anything.

    Raises:
        AudiodiffError: If both ``n_steps`` and ``times`` are given, ``n_steps`` or a seed is no
            whole number, a number is beyond what a machine can hold, a time lies outside 0 to 1, or
            a guidance is a class.

    Examples:
        >>> run = Run("ddim", n_steps=4, seed=7)
        >>> run.seeds(3)
        (7, 7, 7)
    """

    sampler: str | Sampler | None = None
    n_steps: int | None = None
    times: Sequence[float] | None = None
    seed: int | Sequence[int] = 0
    guidance: Sequence[Guidance] | None = None
    guidance_scale: float | None = None
    precision: str | None = None
    negative_text: str | None = None

    def __post_init__(self) -> None:
        if self.n_steps is not None and self.times is not None:
            raise AudiodiffError("give either n_steps or times, not both")
        if self.n_steps is not None:
            object.__setattr__(self, "n_steps", checked(StepCount, self.n_steps, "n_steps"))
        if self.guidance_scale is not None:
            scale = checked(GuidanceScale, self.guidance_scale, "guidance_scale")
            object.__setattr__(self, "guidance_scale", scale)
        if self.times is not None:
            object.__setattr__(self, "times", checked(_Times, _plain(self.times), "times"))
        for one in self.guidance or ():
            refuse_class(one, "guidance")
        seeds = _plain(self.seed)
        kind = (
            _Seeds if isinstance(seeds, Iterable) and not isinstance(seeds, str | bytes) else Seed
        )
        object.__setattr__(self, "seed", checked(kind, seeds, "seed"))

    def seeds(self, batch: int | None = None) -> tuple[int, ...]:
        """The seed of each item.

        Args:
            batch: Number of items; None for as many as there are seeds.

        Raises:
            AudiodiffError: If the number of seeds is not that of the items.
        """
        own = tuple(self.seed) if isinstance(self.seed, Sequence) else (self.seed,) * (batch or 1)
        if batch is not None and len(own) != batch:
            raise AudiodiffError(
                f"seed holds {len(own)} seeds for {batch} items; give one, or one each"
            )
        return own


def _plain(numbers: Any) -> Any:
    """Numbers of NumPy or torch as Python's own."""
    return numbers.tolist() if hasattr(numbers, "tolist") else numbers


DEFAULT = Run()
"""The model's own run."""

"""The settings of one run of a model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from audiodiff._types import Sampler
from audiodiff.errors import AudiodiffError
from audiodiff.guidance.contract import Guidance


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

    Raises:
        AudiodiffError: If both ``n_steps`` and ``times`` are given, ``n_steps`` is below 1, or
            ``guidance_scale`` is not finite.

    Example:
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

    def __post_init__(self) -> None:
        if self.n_steps is not None and self.times is not None:
            raise AudiodiffError("give either n_steps or times, not both")
        if self.n_steps is not None and self.n_steps < 1:
            raise AudiodiffError(f"n_steps={self.n_steps}: a run has at least one step")
        if self.guidance_scale is not None and not math.isfinite(self.guidance_scale):
            raise AudiodiffError(
                f"guidance_scale={self.guidance_scale}: give a number, such as 1.5"
            )

    def seeds(self, batch: int | None = None) -> tuple[int, ...]:
        """The seed of each item.

        Args:
            batch: Number of items; None for as many as there are seeds.

        Raises:
            AudiodiffError: If the number of seeds is not that of the items, or a seed is negative.
        """
        own = tuple(self.seed) if isinstance(self.seed, Sequence) else (self.seed,) * (batch or 1)
        if batch is not None and len(own) != batch:
            raise AudiodiffError(
                f"seed holds {len(own)} seeds for {batch} items; give one, or one each"
            )
        if min(own) < 0:
            raise AudiodiffError(f"seed={min(own)}: seeds are 0 or more")
        return own

"""A schedule of each kind."""

from audiodiff.diffusion.schedules import (
    SCHEDULES,
    Betas,
)

EXAMPLES = {name: kind() for name, kind in SCHEDULES.items() if name != "betas"} | {
    "betas": Betas(betas=(0.001, 0.01, 0.05, 0.1, 0.3, 0.6))
}

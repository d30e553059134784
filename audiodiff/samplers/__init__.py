"""Ways from noise to data, given the denoised estimate: one method a file, and the one loop."""

from audiodiff._types import Sampler, Step
from audiodiff.samplers.clamped import Clamped
from audiodiff.samplers.consistency import Consistency
from audiodiff.samplers.ddim import DDIM
from audiodiff.samplers.ddpm import DDPM
from audiodiff.samplers.dpm_solver import DPMSolver
from audiodiff.samplers.euler import Euler
from audiodiff.samplers.heun import Heun
from audiodiff.samplers.langevin import PredictorCorrector
from audiodiff.samplers.linear_multistep import LinearMultistep
from audiodiff.samplers.loop import sample
from audiodiff.samplers.registry import SAMPLERS, build_sampler
from audiodiff.samplers.resampling import Resampling
from audiodiff.samplers.sde_dpm_solver import SDEDPMSolver
from audiodiff.samplers.unipc import UniPC

__all__ = [
    "DDIM",
    "DDPM",
    "SAMPLERS",
    "Clamped",
    "Consistency",
    "DPMSolver",
    "Euler",
    "Heun",
    "LinearMultistep",
    "PredictorCorrector",
    "Resampling",
    "SDEDPMSolver",
    "Sampler",
    "Step",
    "UniPC",
    "build_sampler",
    "sample",
]

import numpy as np
import pytest
import torch

from audiodiff.codecs.waveform import WaveformConfig
from audiodiff.diffusion.priors import MelEnergyConfig, MelSpectralConfig
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.presets import PRESETS


def test_the_spectral_prior_has_the_level_of_the_sound() -> None:
    config = PRESETS["hifigan"]
    white = torch.randn(1, 400 * 256, generator=torch.Generator().manual_seed(1))
    prior = MelSpectralConfig(std_min=1e-4).build(WaveformConfig(), config)
    mel = LogMel(config)(0.02 * white)
    # A band of one or two bins is a noisy estimate of the level, which adds some power.
    assert prior.color(white, prior.condition({"mel": mel})).std().item() == pytest.approx(
        0.02, rel=0.15
    )
    assert prior.whiten(0.02 * white, prior.condition({"mel": mel})).std().item() == pytest.approx(
        1, rel=0.15
    )


def test_the_energy_prior_is_priorgrads_formula() -> None:
    config = PRESETS["hifigan"]
    prior = MelEnergyConfig(energy_min=0.5).build(WaveformConfig(), config)
    mel = torch.full((1, 80, 3), -11.0)
    mel[..., 1] = np.log(4 / 80)  # the square root of the sum is 2
    mel[..., 2] = 3.0  # beyond the maximum
    std = prior.color(torch.ones(1, 768), prior.condition({"mel": mel}))[0, ::256]
    torch.testing.assert_close(std, torch.tensor([0.1, 1.5 / 3.5, 1.0]))

import numpy as np
import pytest
import torch
from benchmark_scripts import RATE, Script, voiced

from audiodiff import PRESETS, LogMel
from audiodiff.metrics.pitch import f0_track
from audiodiff.metrics.spectral import log_mel_mae


def sweep(n_samples: int) -> torch.Tensor:
    """From 200 Hz upwards, beginning after 0.2 s."""
    t = torch.arange(n_samples) / RATE
    return 0.2 * torch.sin(2 * torch.pi * (200 + 300 * t) * t) * (t > 0.2)


@pytest.mark.parametrize(
    ("preset", "power"), [("hifigan", 1), ("tacotron2", 1), ("lmnt-diffwave", 1), ("hifigan", 2)]
)
def test_griffin_lim_gives_the_mel_back_in_place(script: Script, preset: str, power: int) -> None:
    systems = script("systems")
    config = PRESETS[preset].model_copy(update={"power": power})
    clip = systems.clip_of(sweep(40 * 256).numpy(), config)
    made = systems.griffin_lim(clip, n_iterations=16)[: 40 * 256]
    assert made.shape == (40 * 256,)
    # The onset is where it was, to a fraction of a hop.
    onset = int(np.flatnonzero(np.abs(made) > 0.05)[0])
    assert abs(onset - 0.2 * RATE) < 128
    amplitude = config.amplitude(clip.mel)
    again = config.amplitude(LogMel(config)(torch.from_numpy(made)[None])[0])
    loud = amplitude > amplitude.max() / 10
    assert (again / amplitude).log()[loud].abs().mean() < 0.25


def test_least_squares_are_solved_and_better_than_the_pseudo_inverse(script: Script) -> None:
    systems = script("systems")
    wave = voiced(0.6)
    clip = systems.clip_of(wave, PRESETS["hifigan"])
    solved, clipped = (
        log_mel_mae(wave, systems.griffin_lim(clip, 32, inverse)[: len(wave)], RATE)
        for inverse in ("least-squares", "pseudo-inverse")
    )
    assert solved < 0.8 * clipped
    assert clipped < 1


def test_world_keeps_pitch_and_length(script: Script) -> None:
    systems = script("systems")
    wave = voiced(1)
    made = systems.world(systems.clip_of(wave, PRESETS["hifigan"]))[: len(wave)]
    assert made.shape == wave.shape
    (found, _), (truth, _) = f0_track(made, RATE), f0_track(wave, RATE)
    both = (found > 0) & (truth > 0)
    assert both.mean() > 0.8
    assert np.median(np.abs(found[both] / truth[both] - 1)) < 0.02


def test_the_network_alone_is_a_run_without_its_passes(script: Script) -> None:
    systems = script("systems")
    clip = systems.clip_of(voiced(0.3), PRESETS["hifigan"])
    alone = systems.without_passes(clip, "default", 2)
    assert alone.shape == (clip.mel.shape[1] * 256,)
    made = systems.diffusion(clip, "default", 2)
    errors = [log_mel_mae(clip.wave, wave[: len(clip.wave)], RATE) for wave in (alone, made)]
    assert errors[0] > 1.5 * errors[1]
    assert "default, 2 steps, no passes" in systems.systems_of("default", [2])

"""Every registered schedule, target, sampler, prior, network and guidance keeps its contract."""

from dataclasses import replace

import pytest
import torch
from contracts import (
    GaussianData,
    check_guidance,
    check_network,
    check_prior,
    check_sampler,
    check_schedule,
    check_target,
    noise,
)
from schedule_examples import EXAMPLES
from small_models import small_stft_config, untrained

from audiodiff import Run
from audiodiff.codecs.mel import MelCodecConfig
from audiodiff.codecs.stft import StftConfig
from audiodiff.codecs.waveform import WaveformConfig
from audiodiff.diffusion.priors import PRIORS
from audiodiff.diffusion.targets import TARGETS
from audiodiff.guidance import GUIDANCE
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.presets import PRESETS
from audiodiff.networks import NETWORKS
from audiodiff.samplers.linear_multistep import LinearMultistep, coefficients_of
from audiodiff.samplers.registry import SAMPLERS

CODECS = {"waveform": WaveformConfig(), "stft": StftConfig(), "mel": MelCodecConfig()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_schedule_contract(name: str) -> None:
    check_schedule(EXAMPLES[name])


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("target", TARGETS)
def test_target_contract(target: str, name: str) -> None:
    check_target(target, EXAMPLES[name])


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_sampler_contract(sampler: str, name: str) -> None:
    if name == "betas":
        pytest.skip("six coarse steps are not followed by a hundred fine ones")
    schedule, denoise = EXAMPLES[name], None
    if sampler == "consistency":  # which is for estimates that are samples, as the flow's end is
        data = GaussianData(schedule)
        denoise = lambda x_t, t: data.flow(x_t, t, torch.zeros_like(t))  # noqa: E731
    check_sampler(SAMPLERS[sampler](), schedule, denoise)


@pytest.mark.parametrize("name", EXAMPLES)
def test_sampler_contract_with_given_coefficients(name: str) -> None:
    schedule, times = EXAMPLES[name], torch.linspace(0.9, 0, 201, dtype=torch.float64)
    rows = coefficients_of(SAMPLERS["dpm++2m"](), schedule, times)
    check_sampler(LinearMultistep(rows), schedule)


@pytest.mark.parametrize("preset", ["hifigan", "vocos", "lmnt-wavegrad"])
@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in PRIORS for kind in PRIORS[name].codecs or ("waveform", "stft")],
)
def test_prior_contract(name: str, kind: str, preset: str) -> None:
    config = PRESETS[preset]
    n_samples = 40 * config.hop_length
    wave = torch.randn(2, n_samples, generator=torch.Generator().manual_seed(0)) / 10
    mel = LogMel(config)(wave)[..., :40]
    prior = PRIORS[name].parse({"kind": name}, name).build(CODECS[kind], config)
    check_prior(prior, CODECS[kind].build(config), mel, n_samples)


SMALL = {
    "diffwave": {"n_channels": 4, "n_layers": 4, "dilation_cycle": 4, "n_labels": 3},
    "wavegrad": {"n_channels": 2, "n_mels": 80, "upsample_factors": (4, 4, 4, 2, 2)},
    "band-split": {"bands": ((16, 16), (32, 8)), "n_channels": 16, "n_layers": 2},
    "unet": {
        "widths": (32, 32),
        "n_blocks": 1,
        "window": 4,
        "n_labels": {"label": 3},
        "text": {"width": 32, "n_layers": 2},
    },
}
"""Sizes with which a registered network is quick to try; all others are tried as they are."""


@pytest.mark.parametrize("name", NETWORKS)
def test_network_contract(name: str) -> None:
    config = NETWORKS[name](**SMALL.get(name, {}))
    check_network(config, CODECS[config.codec].build(PRESETS["hifigan"]), 31)


NEEDED = {"classifier": {"classifier": "loud"}, "mel-consistency": {"n_passes": 2}}
"""What a registered guidance has no default for."""


def loudness(x_t: torch.Tensor, t: torch.Tensor) -> dict[str, torch.Tensor]:
    """A classifier of two classes: loud and quiet."""
    power = x_t.square().flatten(1).mean(1)
    return {"label": torch.stack([power, -power], 1).log_softmax(1)}


@pytest.mark.parametrize("steps", ["all", "last", "before-last"])
@pytest.mark.parametrize("name", GUIDANCE)
def test_guidance_contract(name: str, steps: str) -> None:
    guidance = GUIDANCE[name](steps=steps, **NEEDED.get(name, {}))
    model = untrained(small_stft_config())
    wave = noise(1, 20 * 256) / 10
    cond = {"mel": model.log_mel(wave)[..., :20], "label": torch.tensor([0])}
    context = model.context(cond, 20 * 256, Run(guidance_scale=2.0))
    context = replace(context, classifier=lambda name: loudness)
    check_guidance(guidance, context, model.codec.encode(wave))

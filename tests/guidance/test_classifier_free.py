"""Classifier-free guidance on Gaussians and mixtures of them, where what it does is known."""

from dataclasses import replace

import pytest
import torch
from contracts import GaussianData
from mixtures import F64, LABEL, SCHEDULE, Mixture, context
from small_models import small_config, untrained

from audiodiff import Run
from audiodiff.diffusion.denoiser import NetDenoiser
from audiodiff.diffusion.noise import NoiseTape
from audiodiff.diffusion.times import TIMES, log_snr
from audiodiff.guidance import ClassifierFree
from audiodiff.samplers import SAMPLERS
from audiodiff.samplers.loop import last, sample


@pytest.mark.parametrize("scale", [0.0, 1.5, 3.0])
@pytest.mark.parametrize("sampler", ["ddim", "dpm++2m", "heun"])
def test_a_run_ends_at_the_extrapolated_gaussian(sampler: str, scale: float) -> None:
    """Between two Gaussians of one variance the guided law is another, diffused as they are.

    ``(1 - w) score_0 + w score_1`` is the score of N(mean_0 + w (mean_1 - mean_0), std^2).
    """
    anything = GaussianData(SCHEDULE, mean=-0.1)
    wanted = GaussianData(SCHEDULE, mean=0.5)
    whole = context(lambda cond: wanted if cond else anything, scale)
    x = torch.zeros(1, 2000, dtype=F64)
    run = sample(
        wanted, SCHEDULE, SAMPLERS[sampler](), TIMES["uniform"](SCHEDULE, 60), NoiseTape([0], [0]),
        x, None, [ClassifierFree()], whole,
    )  # fmt: skip
    made = last(run)
    error = 6 * wanted.std / 2000**0.5
    assert abs(made.mean().item() - (-0.1 + scale * 0.6)) < error
    assert abs(made.std().item() - wanted.std) < error


@pytest.mark.parametrize("scale", [0.5, 2.0, 4.0])
def test_of_a_mixture_it_is_the_tilted_density(scale: float) -> None:
    """The guided score is that of ``p(x_t) p(class | x_t)^w = p(x_t)^(1 - w) p(x_t | class)^w``."""
    mixture, t = Mixture(), torch.tensor([0.2, 0.5, 0.8], dtype=F64)
    x_t = torch.randn(3, 50, generator=torch.Generator().manual_seed(0), dtype=F64)

    def tilted(x: torch.Tensor) -> torch.Tensor:
        free, wanted = (mixture.log_density(x, t, classes) for classes in ([0, 1], [0]))
        return (1 - scale) * free + scale * wanted

    own, free = mixture.denoiser([0]), mixture.denoiser([0, 1])
    guided = ClassifierFree()(own, context(lambda cond: own if cond else free, scale))(x_t, t)
    torch.testing.assert_close(guided, mixture.estimate(tilted)(x_t, t))
    assert (guided - own(x_t, t)).abs().max() > 0.01


def test_outside_its_interval_the_estimate_is_the_conditional_one() -> None:
    anything, wanted = GaussianData(SCHEDULE, mean=-0.1), GaussianData(SCHEDULE, mean=0.5)
    calls = 0

    def free(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return anything(x_t, t)

    guided = ClassifierFree(log_snr=(-1.0, 1.0))(wanted, context(lambda cond: free, 3.0))
    t = torch.tensor([0.1, 0.5, 0.9], dtype=F64)
    assert log_snr(SCHEDULE, t).tolist() == pytest.approx([3.55, -0.02, -3.70], abs=0.01)
    x_t = torch.randn(3, 8, generator=torch.Generator().manual_seed(0), dtype=F64)
    x0, own = guided(x_t, t), wanted(x_t, t)
    assert torch.equal(x0[[0, 2]], own[[0, 2]])
    assert not torch.equal(x0[1], own[1])
    assert calls == 1
    guided(x_t[[0, 2]], t[[0, 2]])
    assert calls == 1  # nothing is within, so nothing is paid for


def test_rescaling_gives_the_deviation_of_the_conditional_estimate() -> None:
    wanted = GaussianData(SCHEDULE, mean=0.5)
    whole = context(lambda cond: lambda x_t, t: torch.zeros_like(x_t), 3.0)
    t = torch.full((2,), 0.5, dtype=F64)
    x_t = torch.randn(2, 100, generator=torch.Generator().manual_seed(0), dtype=F64)
    own = wanted(x_t, t).std(1)
    stds = [ClassifierFree(rescale=phi)(wanted, whole)(x_t, t).std(1) for phi in (0.0, 0.5, 1.0)]
    torch.testing.assert_close(torch.stack(stds), torch.stack([3 * own, 2 * own, own]))


def test_a_model_of_classes_makes_both_estimates_in_one_call() -> None:
    network = {"kind": "diffwave", "n_channels": 4, "n_layers": 2, "n_mels": None}
    model = untrained(
        small_config(mel=None, labels=("a", "b"), network=network, prior={"kind": "unit"})
    )
    cond = {"label": torch.tensor([1, 0])}
    whole = model.context(cond, 300, Run(guidance_scale=2.0))
    x_t = torch.randn(2, 300, generator=torch.Generator().manual_seed(0))
    t = torch.full((2,), 0.5, dtype=F64)
    sizes: list[int] = []
    model.network.register_forward_pre_hook(lambda _, values: sizes.append(len(values[0])))
    with torch.no_grad():
        own = whole.denoiser(cond)
        assert isinstance(own, NetDenoiser)
        guided = ClassifierFree()(own, whole)(x_t, t)
        assert sizes == [4]
        x0, free = own(x_t, t), whole.denoiser({})(x_t, t)
    torch.testing.assert_close(guided, free + 2 * (x0 - free), rtol=1e-4, atol=1e-5)
    assert (guided - x0).abs().max() > 1e-4


def test_a_falling_interval_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2.0, 1.0\) must rise"):
        ClassifierFree(log_snr=(2.0, 1.0))


def test_a_negative_text_is_led_away_from() -> None:
    """With a negative condition the guided law is N(mean_n + w (mean_1 - mean_n), std^2)."""
    anything, wanted, unwanted = (GaussianData(SCHEDULE, mean=mean) for mean in (0.0, 0.5, -0.3))
    text = torch.tensor([[110]])

    def of(cond: dict[str, torch.Tensor]) -> GaussianData:
        return unwanted if "text" in cond else wanted if cond else anything

    x = torch.zeros(1, 2000, dtype=F64)
    for cond, own, mean in ((LABEL, wanted, 0.5), ({}, anything, 0.0)):
        whole = replace(context(of, 2.0, cond), null={"text": text})
        run = sample(
            own, SCHEDULE, SAMPLERS["dpm++2m"](), TIMES["uniform"](SCHEDULE, 30),
            NoiseTape([0], [0]), x, None, [ClassifierFree()], whole,
        )  # fmt: skip
        made = last(run)
        assert abs(made.mean().item() - (-0.3 + 2 * (mean + 0.3))) < 6 * own.std / 2000**0.5


def test_labels_and_a_negative_text_are_one_call() -> None:
    """What the one asks for is open in the other."""
    network = {"kind": "unet", "shape": (), "patch": 32, "widths": (32,), "n_blocks": 1}
    texts = network | {"text": {"width": 32, "n_layers": 1}}
    model = untrained(
        small_config(mel=None, labels={"digit": ("a", "b")}, network=texts, prior={"kind": "unit"})
    )
    for parameter in model.network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    cond = {"digit": torch.tensor([1, 0])}
    whole = model.context(cond, 320, Run(guidance_scale=2.0, negative_text="six"))
    assert whole.null["text"].tolist() == [[115, 105, 120]] * 2
    x_t = torch.randn(2, 320, generator=torch.Generator().manual_seed(0))
    t = torch.full((2,), 0.5, dtype=F64)
    with torch.no_grad():
        own = whole.denoiser(cond)
        guided = ClassifierFree()(own, whole)(x_t, t)
        x0, unwanted = own(x_t, t), whole.denoiser(whole.null)(x_t, t)
    torch.testing.assert_close(guided, unwanted + 2 * (x0 - unwanted), rtol=1e-4, atol=1e-4)
    assert (unwanted - whole.denoiser({})(x_t, t)).abs().max() > 1e-3

"""Classifier guidance on a mixture, where what it does is known, and of models."""

from pathlib import Path

import pytest
import torch
from mixtures import F64, LABEL, SCHEDULE, Mixture, context
from small_models import small_config, small_stft_config, untrained

from audiodiff import Run
from audiodiff.diffusion.noise import NoiseTape
from audiodiff.diffusion.times import TIMES
from audiodiff.errors import AudiodiffError
from audiodiff.export.run import UnrolledRun
from audiodiff.guidance import ClassifierGuidance
from audiodiff.model.classifier import Classifier, ClassifierConfig
from audiodiff.model.model import Model
from audiodiff.samplers import SAMPLERS
from audiodiff.samplers.loop import last, sample

MIXTURE = Mixture()
GUIDANCE = ClassifierGuidance(classifier="known")


def states(n: int) -> torch.Tensor:
    return torch.randn(n, 1, generator=torch.Generator().manual_seed(0), dtype=F64)


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_of_a_mixture_it_is_the_tilted_density(scale: float) -> None:
    """The guided score is that of ``p(x_t) p(class | x_t)^w``."""
    t = torch.tensor([0.2, 0.5, 0.8], dtype=F64)

    def tilted(x: torch.Tensor) -> torch.Tensor:
        free = MIXTURE.log_density(x, t, [0, 1])
        return free[:, 0] + scale * MIXTURE.log_p(x, t)["label"][:, 0]

    cond = {"label": torch.tensor([0, 0, 0])}
    whole = context(lambda asked: MIXTURE.denoiser([0, 1]), scale, cond, MIXTURE.log_p)
    guided = GUIDANCE(MIXTURE.denoiser([0]), whole)(states(3), t)
    torch.testing.assert_close(guided, MIXTURE.estimate(tilted)(states(3), t))
    if scale == 1:
        torch.testing.assert_close(guided, MIXTURE.denoiser([0])(states(3), t))


@pytest.mark.parametrize("sampler", ["ddim", "dpm++2m", "heun"])
@torch.no_grad()
def test_a_run_of_the_unconditional_model_ends_at_the_class(sampler: str) -> None:
    free = MIXTURE.denoiser([0, 1])
    cond = {"label": torch.arange(2000) % 2}
    run = sample(
        free, SCHEDULE, SAMPLERS[sampler](), TIMES["uniform"](SCHEDULE, 60),
        NoiseTape(range(2000), [0] * 2000), torch.zeros(2000, 1, dtype=F64), None, [GUIDANCE],
        context(lambda asked: free, 1.0, cond, MIXTURE.log_p),
    )  # fmt: skip
    made = last(run)[:, 0]
    for label, mean in enumerate(MIXTURE.means.tolist()):
        of_label = made[label::2]
        assert abs(of_label.mean().item() - mean) < 6 * MIXTURE.std / 1000**0.5
        assert abs(of_label.std().item() - MIXTURE.std) < 6 * MIXTURE.std / 1000**0.5


def test_open_labels_and_noise_alone_leave_the_estimate() -> None:
    free = MIXTURE.denoiser([0, 1])
    cond = {"label": torch.tensor([0, -1, 0])}
    whole = context(lambda asked: free, 2.0, cond, MIXTURE.log_p)
    t = torch.tensor([0.5, 0.5, 1.0], dtype=F64)
    guided, own = GUIDANCE(free, whole)(states(3), t), free(states(3), t)
    assert torch.equal(guided[1:], own[1:])
    assert (guided[0] - own[0]).abs() > 0.1
    nothing = context(lambda asked: free, 2.0, {}, MIXTURE.log_p)
    assert torch.equal(GUIDANCE(free, nothing)(states(3), t), own)


def test_a_search_by_gradients_goes_through_it() -> None:
    whole = context(lambda asked: lambda x_t, t: x_t, 2.0, LABEL, MIXTURE.log_p)
    guided = GUIDANCE(lambda x_t, t: x_t, whole)
    x_t = states(1).requires_grad_()
    t = torch.tensor([0.4], dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(guided, (x_t, t))
    with torch.no_grad():
        assert not guided(x_t, t).requires_grad


LABELS = {"digit": ("one", "two"), "speaker": ("theo", "lucas", "george")}
MEL = small_config(
    mel=None,
    labels=LABELS,
    codec={"kind": "mel"},
    network={"kind": "unet", "widths": [32], "n_blocks": 1},
    prior={"kind": "unit"},
)


def saved(directory: Path, **changes: object) -> str:
    """A new classifier for models of `MEL`."""
    torch.manual_seed(0)
    values = {
        "sample_rate": 22050,
        "n_frames": 16,
        "labels": LABELS,
        "codec": {"kind": "mel"},
        "schedule": {"kind": "cosine"},
        "network": {"widths": [32], "n_labels": {"digit": 2, "speaker": 3}},
    }
    Classifier(ClassifierConfig.parse(values | changes, "test")).save(directory)
    return str(directory)


def with_guidance(name: str) -> dict[str, object]:
    guidance = [{"kind": "classifier", "classifier": name}]
    return {"sampler": "ddim", "times": [1.0, 0.6, 0.3, 0.0], "guidance": guidance}


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_config_names_its_classifier(mode: type, tmp_path: Path) -> None:
    name = saved(tmp_path / "classifier")
    config = MEL.model_copy(update={"sampling": MEL.sampling.parse(with_guidance(name), "test")})
    model = untrained(config)
    like, tape = torch.zeros(2, 16 * 256), NoiseTape([0, 1], [0, 0])
    cond = {"digit": torch.tensor([0, -1])}

    def made(scale: float) -> torch.Tensor:
        with mode():
            return last(model.states(like, cond, Run(seed=(0, 1), guidance_scale=scale), tape))

    free, led = made(0.0), made(50.0)
    assert torch.equal(free[1], led[1])
    assert (free[0] - led[0]).abs().max() > 0.01
    assert list(model.classifiers) == [name]

    def log_p(x: torch.Tensor) -> float:
        return model.classifiers[name](x, torch.zeros(2))["digit"][0, 0].item()

    assert log_p(led) > log_p(free)
    model.save(tmp_path / "model")
    assert Model.load(tmp_path / "model").config == config


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    model = untrained(MEL)
    model.save(tmp_path / "model")
    for changes, sentence in (
        ({"schedule": {"kind": "vp"}}, "the model, which has another schedule; train one with"),
        ({"schedule": None}, "another schedule"),
        ({"codec": {"kind": "mel", "mean": -4.0}}, "another codec"),
        ({"labels": {**LABELS, "digit": ("two", "one")}}, "another labels"),
    ):
        name = saved(tmp_path / "other", **changes)
        with pytest.raises(AudiodiffError, match=sentence):
            model.classifier(name)
    model.classifier(saved(tmp_path / "loud", codec={"kind": "mel", "vocoder": "mine"}))
    with pytest.raises(AudiodiffError, match="holds a model that makes sound, no classifier"):
        model.classifier(str(tmp_path / "model"))
    with pytest.raises(AudiodiffError, match="'nowhere' is neither inside the package"):
        model.classifier("nowhere")
    with pytest.raises(AudiodiffError, match="holds a classifier, which makes no sound"):
        Model.load(Path(name))


def test_it_is_not_exported() -> None:
    sampling = with_guidance("known")
    model = untrained(small_stft_config(sampling=sampling))
    with pytest.raises(AudiodiffError, match="kind='classifier' cannot be exported"):
        UnrolledRun(model)

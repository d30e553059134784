"""The likelihood of recordings under small models."""

import math
from pathlib import Path

import pytest
import torch
from command_line import write_tone
from small_models import (
    LABELLED,
    UNCONDITIONAL,
    infill_config,
    small_config,
    small_stft_config,
    untrained,
)

from audiodiff import AudiodiffError
from audiodiff.diffusion.likelihood import bound_bits, flow_bits
from audiodiff.diffusion.noise import NoiseTape
from audiodiff.pipelines.likelihood import LikelihoodMeter, evaluate_likelihood
from audiodiff.system.threads import side_by_side


def waves(n: int, n_samples: int) -> torch.Tensor:
    return torch.randn(n, n_samples, generator=torch.Generator().manual_seed(0)) / 10


@pytest.fixture(scope="module")
def meter() -> LikelihoodMeter:
    model = untrained(small_config(**LABELLED))
    for parameter in model.network.parameters():  # labels do nothing before training
        torch.nn.init.normal_(parameter, std=0.05)
    return LikelihoodMeter(model, n_steps=2)


def test_the_figures_are_those_of_the_padded_state_in_the_quantitys_units() -> None:
    model = untrained(infill_config())
    found = LikelihoodMeter(model, n_steps=2, seed=5)(waves(1, 10 * 256 - 100))
    whole = torch.nn.functional.pad(waves(1, 10 * 256 - 100), (0, 100))
    x0, denoise = model.codec.encode(whole), model.context({}, 10 * 256).denoiser({})
    assert found.n_numbers == x0.numel() == 800
    for own, estimate in ((found.flow, flow_bits), (found.bound, bound_bits)):
        bits = estimate(denoise, model.schedule, x0, NoiseTape([5], [0]), 2, 2)
        torch.testing.assert_close(own.mean, bits.mean + math.log2(2.2))
        torch.testing.assert_close(own.error, bits.error)


def test_labels_count_and_a_short_sound_has_silence_after_it(meter: LikelihoodMeter) -> None:
    both = waves(2, 1000)
    found = meter(both, {"digit": "one"})
    assert found.n_numbers == 2205 + -2205 % meter.model.config.hop_length
    alone = meter(both[1:], {"digit": "one"})
    torch.testing.assert_close(found.flow.mean[1:], alone.flow.mean)
    padded = meter(torch.nn.functional.pad(both, (0, 1000)), {"digit": "one"})
    assert torch.equal(padded.flow.mean, found.flow.mean)
    assert not torch.equal(meter(both).flow.mean, found.flow.mean)


def test_a_model_of_mels_is_given_the_sounds_own() -> None:
    unit = {"prior": {"kind": "unit"}}
    meter = LikelihoodMeter(untrained(small_config(**unit)), n_steps=1)
    found = meter(waves(1, 5 * 256))
    assert found.n_numbers == 5 * 256
    assert torch.isfinite(found.flow.mean).all()


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (small_config(), "prior.kind='mel-spectral' shapes the noise by the mel, for which"),
        (
            small_stft_config(prior={"kind": "unit"}),
            "codec.kind='stft' makes more numbers than a sound has samples, so that its states",
        ),
    ],
)
def test_models_without_a_known_density_are_refused(config: object, sentence: str) -> None:
    with pytest.raises(AudiodiffError, match=sentence):
        LikelihoodMeter(untrained(config))  # type: ignore[arg-type]


def test_what_cannot_be_judged_is_said(meter: LikelihoodMeter) -> None:
    with pytest.raises(AudiodiffError, match="digit='two': this model has zero, one; choose"):
        meter(waves(1, 100), {"digit": "two"})
    for n_samples, seconds in ((0, "0.0"), (61 * 22050, "61.0")):
        with pytest.raises(AudiodiffError, match=f"the sound lasts {seconds} s; give one of up to"):
            meter(torch.zeros(1, n_samples))
    model = untrained(small_config(**UNCONDITIONAL))
    for settings, sentence in (
        ({"n_steps": 0}, "n_steps=0: "),
        ({"n_draws": 1}, "n_draws=1: "),
        ({"seed": -1}, "seed=-1: "),
    ):
        with pytest.raises(AudiodiffError, match=sentence):
            LikelihoodMeter(model, **settings)


def test_a_folder_is_judged_by_its_list_and_its_labels(
    meter: LikelihoodMeter, tmp_path: Path
) -> None:
    for i, name in enumerate("abc"):
        write_tone(tmp_path / f"wavs/{name}.wav", 150 + 50 * i, 2000)
    (tmp_path / "wavs/bad.wav").write_text("no sound")
    (tmp_path / "test.txt").write_text("a\nbad\nc\n")
    (tmp_path / "labels.csv").write_text("id,digit,mood\na,one,glad\n")
    done = []
    with side_by_side(2) as each:
        found = evaluate_likelihood(meter, "m", tmp_path, lambda *n: done.append(n), each)
    assert done == [(1, 3), (2, 3), (3, 3)]
    assert [(clip.name, clip.labels) for clip in found.clips] == [
        ("a", {"digit": "one"}),
        ("c", {}),
    ]
    mean = sum(clip.flow.mean for clip in found.clips) / 2
    assert found.summary["flow"].mean == pytest.approx(mean)
    assert found.summary["bound"].n_files == 2
    ((path, reason),) = found.failed.items()
    assert path == str(tmp_path / "wavs/bad.wav")
    assert "cannot be read as sound" in reason
    again = evaluate_likelihood(meter, "m", tmp_path)
    assert again.clips[0].flow.mean == pytest.approx(found.clips[0].flow.mean, rel=1e-6)


def test_a_figure_that_is_not_finite_is_said(tmp_path: Path) -> None:
    model = untrained(small_config(**LABELLED))
    torch.nn.init.constant_(model.network.output.weight, math.nan)
    write_tone(tmp_path / "a.wav")
    with pytest.raises(AudiodiffError, match="e.g. the sound has nan bits per number under this"):
        evaluate_likelihood(LikelihoodMeter(model, n_steps=1), "m", tmp_path)


def test_a_folder_that_cannot_be_judged_is_said(meter: LikelihoodMeter, tmp_path: Path) -> None:
    with pytest.raises(AudiodiffError, match="nowhere is no folder; give one with sound files"):
        evaluate_likelihood(meter, "m", tmp_path / "nowhere")
    (tmp_path / "bad.wav").write_text("no sound")
    with pytest.raises(AudiodiffError, match="no sound in .* can be judged, e.g. .*bad.wav"):
        evaluate_likelihood(meter, "m", tmp_path)
    (tmp_path / "labels.csv").write_text("id,digit\nbad,ten\n")
    with pytest.raises(AudiodiffError, match="digit 'ten', which the model does not know: it has "):
        evaluate_likelihood(meter, "m", tmp_path)

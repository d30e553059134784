"""Directories and configs of before are read as today's."""

import json
from pathlib import Path

import pytest
import torch
from small_models import TRAINING, small_config, small_stft_config, untrained

from audiodiff import AudiodiffError, Model, ModelConfig
from audiodiff.model.hub import PRETRAINED
from audiodiff.model.weights import load_tensors, save_tensors
from audiodiff.training.config import TrainConfig, read_train_config

OLD = {"passes_between": 5, "noise_above_mel": True, "mel_passes": 2}
NEW = [
    {"kind": "mel-consistency", "n_passes": 5, "steps": "before-last"},
    {"kind": "noise-above-mel", "steps": "last"},
    {"kind": "mel-consistency", "n_passes": 2, "steps": "last"},
]
TIMES = {"sampler": "ddpm", "times": [0.8, 0.4, 0.0]}


def test_passes_of_before_are_guidance() -> None:
    old, new = (small_stft_config(sampling=TIMES | more) for more in (OLD, {"guidance": NEW}))
    assert old == new
    assert [g.model_dump(mode="json") for g in old.sampling.guidance] == NEW
    none = {"passes_between": 0, "noise_above_mel": False, "mel_passes": 0}
    assert small_stft_config(sampling=TIMES | none).sampling.guidance == ()
    with pytest.raises(AudiodiffError, match="give guidance alone, without passes_between"):
        small_stft_config(sampling=TIMES | OLD | {"guidance": NEW})


def test_a_directory_of_format_1_is_read(tmp_path: Path) -> None:
    model = untrained(small_stft_config(sampling=TIMES | {"guidance": NEW}))
    model.save(tmp_path / "new")
    tensors, _ = load_tensors(tmp_path / "new" / "model.safetensors")
    plain = {name.removeprefix("network."): tensor for name, tensor in tensors.items()}
    save_tensors(tmp_path / "old" / "model.safetensors", plain)
    values = model.config.model_dump(mode="json") | {"format": 1}
    values["sampling"] = TIMES | OLD
    (tmp_path / "old" / "config.json").write_text(json.dumps(values))
    again = Model.load(tmp_path / "old")
    assert again.config == model.config
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)


def test_the_default_is_one_of_format_1() -> None:
    values = json.loads((PRETRAINED / "default" / "config.json").read_text())
    assert values["format"] == 1
    assert Model.load(PRETRAINED / "default").config.format == 2
    with pytest.raises(AudiodiffError, match="format: input should be 2"):
        ModelConfig.parse(values | {"format": 3}, "test")


def test_a_stored_prior_of_before_keeps_its_own_figures() -> None:
    before = {"std_min": 0.2, "above_f_max": 1.0, "energy_min": 0.0, "energy_max": 3.0}
    for kind, own in (("unit", []), ("mel-energy", ["std_min", "energy_min", "energy_max"])):
        kept = {"kind": kind} | {name: before[name] for name in own}
        assert small_config(prior={"kind": kind} | before).prior.model_dump() == kept
    with pytest.raises(AudiodiffError, match="prior.std_min: extra inputs are not permitted"):
        small_config(prior={"kind": "unit", "std_min": 0.2})


def test_a_run_of_before_has_an_objective(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(TRAINING)
    plain = read_train_config(path)
    assert plain.objective.kind == "diffusion"
    settings = ["loss=l2", "above_f_max=0.5", "times.kind=logit-normal", "times.mean=2.0"]
    old = read_train_config(path, settings)
    new = read_train_config(path, [f"objective.{setting}" for setting in settings])
    assert old == new
    assert (old.objective.loss, old.objective.times.mean) == ("l2", 2.0)
    assert TrainConfig.parse(json.loads(old.model_dump_json()), "test") == old


def test_a_finish_of_before_is_the_spectral_objective(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(TRAINING)
    finish = ["spectral.windows=[256]", "spectral.diffusion_items=1", "loss=l2"]
    old = read_train_config(path, finish)
    new = read_train_config(
        path,
        [
            "objective.kind=spectral",
            "objective.windows=[256]",
            "objective.diffusion_items=1",
            "objective.diffusion.loss=l2",
        ],
    )
    assert old == new
    assert old.objective.diffusion.loss == "l2"


def test_a_kind_that_is_unknown_is_named_with_all_that_are_known() -> None:
    for changes, words in (
        ({"network": {"kind": "cnn"}}, "network: .*kind='cnn' is unknown; choose from diffwave, "),
        ({"codec": {"kind": "dct"}}, "codec: .*kind='dct' is unknown; choose from waveform, stft"),
        ({"prior": {"kind": "pink"}}, "prior: .*kind='pink' is unknown; choose from unit, mel-en"),
        (
            {"sampling": TIMES | {"guidance": [{"kind": "hope"}]}},
            "sampling.guidance.0: .*kind='hope' is unknown; choose from classifier, ",
        ),
        (
            {"network": {"kind": "diffwave", "n_layers": 0}},
            "network.n_layers: input should be greater than 0",
        ),
    ):
        with pytest.raises(AudiodiffError, match=words):
            small_config(**changes)

import json
from pathlib import Path

import pytest
from damage import places, with_value, within_limits
from training_runs import BAND_SPLIT

from audiodiff.errors import AudiodiffError
from audiodiff.system import devices
from audiodiff.training.config import TrainConfig, read_train_config


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["batch_sise=3"], "batch_sise"),
        (["steps=none"], "steps"),
        (["steps"], "give key=value"),
        (["steps.more=1"], "steps is a value"),
        (["data.crop_frames=1"], "crop_frames=1 is 256 samples"),
        (["data.gain_db=[3.0, -3.0]"], "least level first"),
        (["optimizer.kind=sgd"], "optimizer.kind: input should be 'adamw' or 'muon'"),
        (
            ["times.kind=normal"],
            "objective.times.kind: input should be 'uniform' or 'logit-normal'",
        ),
        (["times.std=0"], "objective.times.std: input should be greater than 0"),
    ],
)
def test_a_bad_setting_is_named(config_path: Path, settings: list[str], words: str) -> None:
    with pytest.raises(AudiodiffError, match=words):
        read_train_config(config_path, settings)


def test_settings_lie_over_the_file(config_path: Path) -> None:
    config = read_train_config(config_path, ["optimizer.lr=3e-5", "model.target=x0"])
    assert config.optimizer.lr == 3e-5
    assert config.model.target == "x0"
    assert config.steps == 12


@pytest.mark.parametrize("native", [True, False])
def test_products_are_in_bfloat16_where_that_is_faster(
    config_path: Path, monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda device: native)
    for precision, expected in {"auto": native, "bf16": True, "fp32": False}.items():
        config = read_train_config(config_path, [f"precision={precision}"])
        assert config.bf16 is config.setting.bf16 is expected


def test_a_bad_config_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudiodiffError, match="no such config"):
        read_train_config(tmp_path / "no.toml")
    (tmp_path / "bad.toml").write_text("steps = = 3")
    with pytest.raises(AudiodiffError, match=r"bad.toml is not TOML"):
        read_train_config(tmp_path / "bad.toml")


def test_a_config_may_begin_with_a_byte_order_mark(config_path: Path) -> None:
    config = read_train_config(config_path)
    config_path.write_bytes(b"\xef\xbb\xbf" + config_path.read_bytes())
    assert read_train_config(config_path) == config


def test_a_setting_of_a_million_parts_is_refused(config_path: Path) -> None:
    for setting in ("a." * 10**6 + "a=1", "a=" + "[" * 10**6, "steps=0x" + "f" * 10**6):
        with within_limits(), pytest.raises(AudiodiffError) as refused:
            read_train_config(config_path, [setting])
        assert len(str(refused.value)) < 500


KINDS = {
    "diffwave": [],
    "band-split": [
        "model.codec.kind=stft",
        f"model.network={BAND_SPLIT}",
        "model.prior.kind=mel-envelope",
        "model.schedule.kind=rectified-flow",
    ],
    "wavegrad": [
        "model.network={ kind = 'wavegrad', upsample_factors = [4, 4, 4, 2, 2] }",
        "model.schedule={ kind = 'linear' }",
        "data.noise_db=[-60.0, -40.0]",
    ],
    "vp": ["model.schedule={ kind = 'vp' }", "model.sampling.clamp=2.0"],
    "ve": ["model.schedule={ kind = 've' }", "model.sampling.t_range=[0.9, 0.1]"],
    "spectral": [
        "objective.kind=spectral",
        "objective.windows=[128]",
        "objective.diffusion_items=1",
        "model.sampling.guidance=[{ kind = 'mel-consistency', n_passes = 3 }]",
    ],
}


@pytest.mark.parametrize("kind", KINDS)
# librosa warns of mels with bands that hold no bin.
@pytest.mark.filterwarnings("ignore:Empty filters")
def test_no_number_is_beyond_what_a_machine_holds(config_path: Path, kind: str) -> None:
    config = read_train_config(config_path, KINDS[kind])
    whole = json.loads(config.model_dump_json())
    assert TrainConfig.parse(whole, "it") == config
    tried = 0
    for place in places(whole):
        value = whole
        for key in place:
            value = value[key]
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        for odd in (10**31, -(10**31), 1e300, -1e300, float("nan"), float("inf")):
            with within_limits(), pytest.raises(AudiodiffError, match="does not fit"):
                TrainConfig.parse(with_value(whole, place, odd), "it")
            tried += 1
    assert tried > 200


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            ["model.network.n_channels=1024", "model.network.n_layers=256"],
            "over 2147483648 weights",
        ),
        (["batch_size=60000", "data.crop_frames=60000"], "60000 crops of 15360000 samples exceed"),
        (["data.margin_frames=65000", "batch_size=600"], "lower batch_size, data.crop_frames or"),
    ],
)
def test_numbers_that_no_machine_holds_together_are_refused(
    config_path: Path, settings: list[str], words: str
) -> None:
    with pytest.raises(AudiodiffError, match=words):
        read_train_config(config_path, settings)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("step=5", "step: extra inputs are not permitted; did you mean steps?"),
        ("optimizer.lrr=1", "optimizer.lrr: .*; did you mean lr?"),
        ("model.sampling.samplr=ddim", "model.sampling.samplr: .*; did you mean sampler?"),
        ("model.network.n_chanels=8", "model.network.n_chanels: .*; did you mean n_channels?"),
        ("optimizer.xyz=1", "optimizer.xyz: .*; the keys are .*lr"),
    ],
)
def test_a_wrong_key_is_told_the_nearest(config_path: Path, setting: str, words: str) -> None:
    with pytest.raises(AudiodiffError, match=words.replace("?", r"\?")):
        read_train_config(config_path, [setting])

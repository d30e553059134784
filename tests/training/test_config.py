from pathlib import Path

import pytest

from audiodiff.errors import AudiodiffError
from audiodiff.training.config import read_train_config


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


def test_a_bad_config_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudiodiffError, match="no such config"):
        read_train_config(tmp_path / "no.toml")
    (tmp_path / "bad.toml").write_text("steps = = 3")
    with pytest.raises(AudiodiffError, match=r"bad.toml is not TOML"):
        read_train_config(tmp_path / "bad.toml")

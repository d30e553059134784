"""Configs and directories that do not fit together."""

from pathlib import Path

import pytest
from small_models import CONSISTENT, UNCONDITIONAL, small_config

from audiodiff.errors import AudiodiffError
from audiodiff.model import Model
from audiodiff.pipelines.vocoder import Vocoder


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sample_rate": 24000}, "sample_rate=24000"),
        ({"target": "noise"}, "target='noise' is unknown"),
        ({"network": {"kind": "diffwave", "n_mels": 40}}, "network.n_mels=40 but the mel has 80"),
        ({"mel": "nonsense"}, "mel='nonsense' is unknown"),
        ({"sampling": {"times": [0.5, 0.7, 0.0]}}, "times fall"),
        ({"sampling": {"times": [1.0, 0.0], "sampler": "x"}}, "sampler='x' is unknown"),
        ({"schedule": {"kind": "nope"}}, "nope"),
        ({"target": "eps"}, "needs some signal at t = 1 and schedule.kind='cosine' has none"),
        (UNCONDITIONAL | {"sampling": CONSISTENT}, "start_passes needs a mel; use 0"),
        ({"colour": "red"}, "colour"),
        (
            {"network": {"n_channels": 4}},
            "network: value error, kind=None is unknown; choose from diffwave",
        ),
    ],
)
def test_a_config_whose_parts_do_not_fit_is_refused(changes: dict, words: str) -> None:
    with pytest.raises(AudiodiffError, match=words):
        small_config(**changes)


def test_a_damaged_model_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudiodiffError, match="neither inside the package"):
        Vocoder.from_pretrained("nowhere")
    with pytest.raises(AudiodiffError, match="no config.json"):
        Vocoder.from_pretrained(tmp_path)
    Model(small_config()).save(tmp_path)
    weights = tmp_path / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudiodiffError, match="damaged"):
        Vocoder.from_pretrained(tmp_path)
    weights.unlink()
    with pytest.raises(AudiodiffError, match="no such file"):
        Vocoder.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"format": 1}')
    with pytest.raises(AudiodiffError, match="sample_rate: field required"):
        Vocoder.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(AudiodiffError, match="is not JSON"):
        Vocoder.from_pretrained(tmp_path)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    Model(small_config()).save(tmp_path)
    text = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(text.replace('"n_channels": 4', '"n_channels": 8'))
    with pytest.raises(
        AudiodiffError, match=r"input.weight has shape \(4, 1, 1\), not \(8, 1, 1\)"
    ):
        Vocoder.from_pretrained(tmp_path)

"""What a worker of Ray does, without Ray."""

from pathlib import Path

import pytest
import soundfile
import torch
from found_times import found_for
from searches import ROOT, TINY

from audiodiff import ModelConfig
from audiodiff.model.found import Found
from audiodiff.model.model import Model
from audiodiff.pipelines.files import Loading, VocodeSettings
from audiodiff.pipelines.ray import _Worker


@pytest.mark.usefixtures("one_thread")
def test_a_worker_uses_the_times_of_the_user_who_started_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Model(ModelConfig.parse(TINY, "test"))
    torch.nn.init.normal_(model.network.output.weight, std=0.02)
    model.save(tmp_path / "model")
    wave, rate = soundfile.read(ROOT / "examples" / "arctic_a0016.wav")
    soundfile.write(tmp_path / "clip.wav", wave[20000:26000], rate)
    found = found_for(tmp_path / "model", times=(1.0, 0.9, 0.0))
    loading = Loading(str(tmp_path / "model"), "cpu", "fp32", False)

    def made(times: dict[tuple[str, int], Found], name: str) -> bytes:
        worker = _Worker(loading, VocodeSettings(n_steps=2), times)
        target = tmp_path / name
        row = {"place": 0, "source": str(tmp_path / "clip.wav"), "target": str(target)}
        assert worker(row)["error"] == ""
        return target.read_bytes()

    by_rule, by_search = made({}, "a.wav"), made({("ddim", 2): found}, "b.wav")
    assert by_rule != by_search
    assert made({}, "c.wav") == by_rule

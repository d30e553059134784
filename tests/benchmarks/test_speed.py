import math
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmark_scripts import Script

from audiodiff import AudiodiffError
from audiodiff.training.config import TrainConfig, read_train_config

ROOT = Path(__file__).resolve().parents[2]
GRIFFIN_LIM = "Griffin-Lim, 32 iterations"


def rows_below(head: str, text: str) -> list[list[str]]:
    """The cells of the first table after a line that begins so."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(head))
    first = next(i for i in range(start, len(lines)) if lines[i].startswith("| ---"))
    width = lines[first].count("|")
    rows = []
    for line in lines[first + 1 :]:
        if not line.startswith("|"):
            break
        assert line.count("|") == width
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_a_system_alone_is_measured_in_its_own_process(script: Script) -> None:
    speed = script("speed")
    case = speed.Case(system=GRIFFIN_LIM, seconds=0.2, threads=1, repeats=1)
    figures = speed.run_alone(case, speed.CLIP)
    assert 0 < figures.real_time_factor < math.inf
    assert 0 <= figures.memory < 4096
    assert figures.load >= 0


def test_a_process_that_fails_says_why(
    script: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    speed = script("speed")
    failing = tmp_path / "failing.py"
    failing.write_text("import sys; print('a hint', file=sys.stderr); sys.exit('error: too cold')")
    monkeypatch.setattr(speed, "__file__", str(failing))
    with pytest.raises(AudiodiffError, match=r"^too cold$"):
        speed.run_alone(speed.Case(seconds=1, threads=1, repeats=1), speed.CLIP)


@pytest.mark.slow
def test_the_speed_report_has_every_system_length_and_batch(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed, peers = script("speed"), script("peers")
    absent = peers.System(lambda: None, "some-package", ("no_such_module",))
    ours = peers.System(peers.audiodiff_four_steps, "audiodiff-vocoder")
    systems = {peers.OURS: ours, GRIFFIN_LIM: peers.SYSTEMS[GRIFFIN_LIM], "absent": absent}

    def run_a_tenth(case: Any, clip: Path) -> Any:
        return speed.measure(case.model_copy(update={"seconds": case.seconds / 10}), clip)

    monkeypatch.setattr(speed, "SYSTEMS", systems)
    monkeypatch.setattr(speed, "run_alone", run_a_tenth)
    # Threads that wait for each other while other tests have the cores are slow.
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    text = speed.report(speed.CLIP, 1, 1, threads=(1, 2), lengths=(1, 2.5))
    rows = rows_below("All on 1 s of arctic_a0016.wav", text)
    assert [(row[0], row[2]) for row in rows] == [
        (name, n) for name in (peers.OURS, GRIFFIN_LIM) for n in "12"
    ]
    assert [row[4] for row in rows[:2]] == ["1.00", "1.00"]
    for row in rows:
        assert math.isfinite(sum(map(float, row[2:])))
    for row, own in zip(rows[2:], rows[:2], strict=True):
        assert float(row[4]) == pytest.approx(float(row[3]) / float(own[3]), rel=0.1, abs=0.01)
    assert text.count("not measured") == 1
    assert "- not measured: absent: No module named 'no_such_module' (pip install some-" in text
    assert [row[:2] for row in rows_below("Ours against length, threads: 2", text)] == [
        ["1", "1"],
        ["1", "2.5"],
    ]
    assert [row[:2] for row in rows_below("Ours, many at once", text)] == [["16", "1"], ["1", "16"]]


def test_compiling_pays_off_once_it_has_saved_what_it_cost(script: Script) -> None:
    speed = script("speed")
    plain, quick, slow = (
        speed.Figures(real_time_factor=factor, memory=0, load=0, first=first)
        for factor, first in [(0.1, 1), (0.05, 31), (0.2, 31)]
    )
    assert speed.payoff(plain, quick) == (
        "the first run takes 30 s longer, which pays off after 10 minutes of sound"
    )
    assert speed.payoff(plain, slow).endswith("which never pays")


def test_a_long_mel_is_a_short_one_again_and_again(script: Script) -> None:
    speed = script("speed")
    whole = speed.tiled_mel(speed.CLIP, 30)
    assert whole.shape == (1, 80, round(30 * 22050 / 256))
    once = speed.LogMel(speed.PRESET)(torch.from_numpy(speed.io.load(speed.CLIP, 22050)[0])[None])
    n_frames = once.shape[2]
    assert torch.equal(whole[..., n_frames : 2 * n_frames], once)
    assert speed.tiled_mel(speed.CLIP, 1e-9).shape[2] == 1


def test_a_peer_with_another_mel_gets_as_many_seconds(script: Script) -> None:
    mel = torch.arange(100.0).repeat(1, 80, 1)
    longer = script("peers").stretched(mel, 100, 24000 / 256)
    assert longer.shape == (1, 100, round(100 * 24000 / 22050))
    assert longer[0, 0, 0] == 0
    assert longer[0, 99, -1] == 99


@pytest.mark.parametrize("name", ["diffwave", "wavegrad"])
def test_our_forms_of_published_networks_take_six_calls(
    script: Script, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vocoder = script("peers").audiodiff_network(name)
    forward, calls = vocoder.model.network.forward, []
    monkeypatch.setattr(
        vocoder.model.network, "forward", lambda *inputs: calls.append(1) or forward(*inputs)
    )
    mel = torch.full((1, 80, 4), -5.0)
    assert vocoder(mel).shape == (1, 4 * 256)
    assert len(calls) == 6


def tiny(*settings: str) -> TrainConfig:
    sizes = ("batch_size=2", "data.crop_frames=8", "steps=10", *settings)
    network = ("model.network.n_layers=1", "model.network.n_channels=16")
    return read_train_config(ROOT / "recipes/speech/bandsplit.toml", [*sizes, *network])


def test_training_speed_is_measured_by_the_trainers_steps(script: Script) -> None:
    training = script("training")
    cpu = torch.device("cpu")
    figures = training.measure(tiny(), 1, cpu, matrix_size=64)
    assert all(0 < figure < math.inf for figure in figures)
    steps = training.Steps(tiny(), cpu)
    before = {name: tensor.clone() for name, tensor in steps.model.network.state_dict().items()}
    steps.step()
    after = steps.model.network.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in steps.model.network.parameters())


def test_flops_are_those_of_the_whole_step(script: Script) -> None:
    training = script("training")

    def flops(*settings: str) -> int:
        return training.Steps(tiny(*settings), torch.device("cpu")).flops()

    # The dilated convolution alone, forward: 2 x (in x out x 9) for each of 20 bands and 8 frames.
    assert flops() > 2 * (2 * 8 * 16 * 9 * 20 * 8)
    assert flops("accumulation=3") == 3 * flops()
    assert flops("precision=fp32") == flops()


def test_the_training_benchmark_prints_a_table(
    script: Script, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    training = script("training")
    fixed = training.Figures(audio_rate=50.0, flop_rate=2e11, matrix_rate=8e11)
    monkeypatch.setattr(training, "measure", lambda *_: fixed)
    training.main(ROOT / "recipes/speech/bandsplit.toml", threads=1, set_=["precision=fp32"])
    row = rows_below("| device", capsys.readouterr().out)
    assert [cells[1:] for cells in row] == [["1", "fp32", "50.0", "0.200", "0.800", "0.25"]]

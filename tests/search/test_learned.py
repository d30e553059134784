from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from searches import Known, no_report

from audiodiff.diffusion.times import check_times
from audiodiff.model.weights import load_tensors
from audiodiff.search import learned as learned_search
from audiodiff.search.learned import TRAINING, ScheduleNet, _loss, learned


def test_the_learned_scheduler_lays_out_a_run_and_trains_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learned_search, "CHECKPOINT_EVERY", 10)
    monkeypatch.setattr(learned_search, "START", 3)
    with torch.no_grad():
        whole = Known()
        times = learned(whole, 3, no_report, tmp_path, budget=14)
        assert len(times) == 4
        check_times(times.tolist())
        # Killed after its tenth step, it ends as if it had not been.
        state, _ = load_tensors(tmp_path / TRAINING)
        (tmp_path / TRAINING).unlink()
        part = Known()
        with pytest.raises(KeyboardInterrupt):
            learned(part, 3, interrupt_at(0.8 * 12 / 14), tmp_path, budget=14)
        resumed = Known()
        assert torch.equal(learned(resumed, 3, no_report, tmp_path, budget=14), times)
        assert resumed.calls == whole.calls  # those before the kill count too
    again, _ = load_tensors(tmp_path / TRAINING)
    assert all(torch.equal(state[name], again[name]) for name in state)


def interrupt_at(fraction: float) -> Callable[[float], None]:
    def report(done: float) -> None:
        if done > fraction:
            raise KeyboardInterrupt

    return report


def test_training_the_scheduler_lowers_its_loss() -> None:
    problem = Known()
    torch.manual_seed(0)
    net = ScheduleNet()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-2)

    def mean_loss() -> float:
        return sum(_loss(problem, net, step).item() for step in range(1000, 1040)) / 40

    before = mean_loss()
    for step in range(100):
        loss = _loss(problem, net, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert mean_loss() < before

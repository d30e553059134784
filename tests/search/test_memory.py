from pathlib import Path

import pytest
import torch
from searches import Known, no_report

from audiodiff.diffusion.times import TIMES, TimeGrid
from audiodiff.search.memory import Memory
from audiodiff.search.perceptual import refine


def test_a_killed_search_goes_on_where_it_was(tmp_path: Path) -> None:
    problem, path = Known(), tmp_path / "memory.jsonl"
    start = TIMES["log-snr"](problem.model.schedule, 3, (0.9, 0.1))
    count = 0

    def cost(times: TimeGrid) -> float:
        nonlocal count
        count += 1
        if count == 15:
            raise KeyboardInterrupt
        problem.calls += 5
        return times.square().sum().item()

    with pytest.raises(KeyboardInterrupt):
        refine(problem, start, no_report, Memory(cost, problem, path, "a"), budget=30)
    path.write_text(path.read_text() + '{"key": "half a li')
    problem.calls = 0
    resumed = refine(problem, start, no_report, Memory(cost, problem, path, "a"), budget=30)
    calls = problem.calls
    whole = refine(
        problem, start, no_report, Memory(cost, problem, tmp_path / "other", "a"), budget=30
    )
    assert torch.equal(resumed, whole)
    assert count < 75  # 14 of the first 30 were known
    assert problem.calls == 2 * calls
    assert not Memory(cost, problem, path, "b").known

import threading
from pathlib import Path

import pytest
import torch
from small_models import CONFIGS, untrained

from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.system import threads


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000"}, 2),
        ("0::/a/b\n", {"cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/a\n", {"cpu.max": "50000 100000", "a/cpu.max": "400000 100000"}, 1),
        ("0::/host/name\n", {"cpu.max": "200000 100000"}, 2),
        ("0::/\n", {}, 8),
        ("0::/\n", {"cpu.max": "max 100000"}, 8),
        (
            "3:cpu,cpuacct:/\n1:name=systemd:/\n",
            {"cpu/cpu.cfs_quota_us": "250000", "cpu/cpu.cfs_period_us": "100000"},
            3,
        ),
        (
            "3:cpu:/a\n",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            8,
        ),
        ("2:memory:/\n", {"cpu.max": "100000 100000"}, 8),
    ],
)
def test_cores_are_those_that_the_groups_allow(
    groups: str,
    files: dict[str, str],
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "own").write_text(groups)
    for name, text in files.items():
        path = tmp_path / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    monkeypatch.setattr(threads, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(threads, "GROUPS", tmp_path / "fs")
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert threads.available_cores() == expected


def test_a_number_that_is_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "available_cores", lambda: 3)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert threads.n_threads(None) == 2
    assert threads.n_threads(64) == 64


def test_each_thread_computes_on_one_core() -> None:
    before = torch.get_num_threads()
    meet = threading.Barrier(3, timeout=60)

    def work(item: int) -> tuple[int, int]:
        meet.wait()  # all three are at work
        return item, torch.get_num_threads()

    with threads.computing(2):
        with threads.side_by_side(3) as each:
            assert torch.get_num_threads() == 1
            assert list(each(work, range(3))) == [(0, 1), (1, 1), (2, 1)]
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("name", ["diffwave", "consistent"])
def test_pieces_side_by_side_are_those_one_after_another(name: str) -> None:
    vocoder = Vocoder(untrained(CONFIGS[name]))
    mel = torch.randn(1, 80, 70, generator=torch.Generator().manual_seed(0)) - 5
    sizes = {"chunk_frames": 16, "context_frames": 4}
    with threads.side_by_side(3) as each:
        beside = torch.cat(list(vocoder.chunks(mel, **sizes, each=each)), 1)
        after = torch.cat(list(vocoder.chunks(mel, **sizes)), 1)
    assert torch.equal(beside, after)

import os
from pathlib import Path

import pytest
from benchmark_scripts import BENCHMARKS, RATE, Script

from audiodiff import Model, ModelConfig
from audiodiff.audio.io import load, save
from audiodiff.search import SEARCHES, clips, trajectory
from audiodiff.search.learned import EndsEarlyError


@pytest.mark.slow
def test_schedules_compares_rules_and_searches(
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    schedules = script("schedules")
    wave, _ = load(BENCHMARKS.parent / "examples" / "arctic_a0016.wav")
    for i in range(4):
        save(tmp_path / f"data/voice/wavs/{i}.wav", wave[i * 15000 : i * 15000 + 30000], RATE)
    (tmp_path / "data/voice/dev.txt").write_text("0\n1\n")
    (tmp_path / "data/voice/test.txt").write_text("2\n")
    model = {
        "sample_rate": RATE,
        "mel": "hifigan",
        "network": {"kind": "diffwave", "n_channels": 4, "n_layers": 2},
        "schedule": {"kind": "linear"},
        "target": "x0",
        "sampling": {"sampler": "ddim", "times": [1.0, 0.0]},
    }
    Model(ModelConfig.parse(model, "test")).save(tmp_path / "model")
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    words = {
        "model": str(tmp_path / "model"),
        "samplers": "ddim,dpm++2m",
        "steps": "1,6",
        "methods": "straightness,trajectory,gradient,learned",
        "budget": 2,
        "workers": 1,
        "limit": 1,
    }

    class Ending:
        def __init__(self, setting: object) -> None: ...

        def __call__(self, start: object, report: object) -> object:
            raise EndsEarlyError("no run of so many steps")

    monkeypatch.setitem(SEARCHES, "learned", Ending)
    monkeypatch.setattr(clips, "SECONDS", 0.5)
    monkeypatch.setattr(trajectory, "N_CANDIDATES", 12)
    # DiffWave's transposed convolutions are many times slower in bf16.
    monkeypatch.setattr("audiodiff.model.model.use_bf16", lambda *_: False)
    schedules.main(tmp_path / "data", tmp_path / "out", **words)
    said = capsys.readouterr()
    text = said.out
    assert said.err.count("learned: no run of so many steps") == 4
    heads = [line for line in text.splitlines() if line.startswith("### ")]
    assert heads == [f"### {name}" for name in schedules.SCORES]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    rules, searches = (
        ["uniform", "quadratic", "log-snr", "karras"],
        ["straightness", "trajectory", "gradient"],
    )
    origins = [*rules, "default", *searches, "diffwave"]
    assert rows[0] == ["sampler", "steps", *origins]
    assert [row[:2] for row in rows[1:5]] == [
        [sampler, n] for sampler in ("ddim", "dpm++2m") for n in "16"
    ]
    assert [row[-1] == "-" for row in rows[1:5]] == [True, False, True, False]
    assert (tmp_path / "out/schedules.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "out/schedules.md").read_text().strip() == text.strip()

    monkeypatch.setattr(script("schedule_runs"), "Session", None)
    monkeypatch.setattr(schedules, "score", None)
    schedules.main(tmp_path / "data", tmp_path / "out", **words)
    assert capsys.readouterr().out == text
    schedules.main(
        tmp_path / "data", tmp_path / "out", **(words | {"methods": "grid"}), search=False
    )
    assert "grid" not in capsys.readouterr().out

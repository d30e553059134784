import json
from pathlib import Path

import pytest
from benchmark_scripts import Script
from digits_run import write_run

from audiodiff import Run


@pytest.mark.slow  # forty sounds by a vocoder
def test_digits_are_judged_and_what_is_done_is_kept(
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    digits = script("digits")
    monkeypatch.setattr(
        digits.digits_rows, "SCALES", {"free": (2.0,), "everywhere": (), "classifier": (1.0,)}
    )
    monkeypatch.setattr(digits.digits_rows, "STEPS", (2,))
    monkeypatch.setattr(digits.digits_rows, "OF_NOTHING", {"of nothing": Run(guidance=[])})
    monkeypatch.setattr(script("digits_judged"), "N_OPINIONS", 1)
    write_run(tmp_path)
    digits.main(tmp_path, n=5)
    text = capsys.readouterr().out
    names = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")][1:]
    assert names == [
        "| recordings",
        "| recordings, vocoded",
        "| of nothing",
        "| classifier-free, scale 2",
        "| by a classifier, scale 1",
        "| ddim, 2 steps, uniform",
        "| dpm++2m, 2 steps, uniform",
    ]
    for name in ("digits.png", "spectrograms.png"):
        assert (tmp_path / "judged" / name).stat().st_size > 5000
    scores = tmp_path / "judged" / "scores.jsonl"
    lines = scores.read_text().splitlines()
    rows = {row["name"]: row for row in map(json.loads, lines)}
    assert rows["recordings"]["clips"] == 5
    assert set(rows["recordings"]["right"]) == {"digit", "speaker"}
    assert not rows["of nothing"]["right"]
    assert rows["recordings"]["nearest"]["train"] == 0
    # Killed within the last row: its line is made again, the others are kept.
    scores.write_text("\n".join([*lines[:-1], lines[-1][:9]]) + "\n")
    digits.main(tmp_path, n=5)
    assert capsys.readouterr().out == text
    assert len(scores.read_text().splitlines()) == len(lines) + 1
    digits.main(tmp_path, n=5, only=["of nothing"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert rows == [line for line in text.splitlines() if line.startswith("| ")][:4]

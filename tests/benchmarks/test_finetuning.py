import os
import shutil
from pathlib import Path

import pytest
from benchmark_scripts import Script, write_voices

from audiodiff import AudiodiffError
from audiodiff.model.hub import model_directory


@pytest.mark.slow
def test_finetuning_compares_amounts_of_data_and_steps(
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    finetuning = script("finetuning")
    write_voices(tmp_path / "data", "old", "new")
    trained = []

    def train(run: object) -> None:
        trained.append((run.folder.name, [folder.name for folder in run.data], run.init))
        shutil.copytree(model_directory("default"), run.model, dirs_exist_ok=True)

    monkeypatch.setattr(finetuning.Run, "train", train)
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    out = tmp_path / "out"
    words = {"voice": "new", "minutes": "0.02,0.04", "steps": "1,2", "workers": 1}
    finetuning.main(tmp_path / "data", out, first=1, second=1, **words)
    before = out / "second/model"
    assert trained == [
        ("first", ["old"], None),
        ("second", ["old"], out / "first/model"),
        *((f"tuned-{m}-{n}", [f"new-{m}"], before) for m in ("0.02", "0.04") for n in (1, 2)),
    ]
    lists = [(out / f"data/new-{m}/train.txt").read_text().split() for m in ("0.02", "0.04")]
    assert lists == [["0", "1"], ["0", "1", "2"]]  # of one second each
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    names = ["system", "before", *(f"{m} min, {n} steps" for m in (0.02, 0.04) for n in (1, 2))]
    assert [row.strip("| ").split(" | ")[0] for row in rows] == names
    assert (out / "finetuning.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(AudiodiffError, match=r"new has 0\.1 minutes to train on, not 5"):
        finetuning.main(tmp_path / "data", out, **(words | {"minutes": "5"}))
    with pytest.raises(AudiodiffError, match="--voice 'none' is not in"):
        finetuning.main(tmp_path / "data", out, **(words | {"voice": "none"}))

import os
import shutil
from pathlib import Path

import pytest
from benchmark_scripts import RECIPES, Script, write_voices

from audiodiff import AudiodiffError
from audiodiff.model.hub import model_directory
from audiodiff.training.config import DataConfig, read_train_config


@pytest.mark.slow
def test_augmentations_are_compared_with_none_clip_by_clip(
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    augmentation = script("augmentation")
    kinds = dict(list(augmentation.WITH.items())[1:3])
    monkeypatch.setattr(augmentation, "WITH", kinds)
    write_voices(tmp_path / "data", "new")
    trained = {}

    def train(run: object) -> None:
        trained[run.folder.name] = read_train_config(RECIPES / run.config, run.settings).data
        shutil.copytree(model_directory("default"), run.model, dirs_exist_ok=True)

    monkeypatch.setattr(script("finetuning").Run, "train", train)
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    arguments = (tmp_path / "data", model_directory("default"), tmp_path / "out")
    words = {"voice": "new", "minutes": 0.02, "steps": 10, "workers": 1}
    augmentation.main(*arguments, **words)
    bare = trained.pop("none")
    changed = {
        key: [
            name for name in DataConfig.model_fields if getattr(data, name) != getattr(bare, name)
        ]
        for key, data in trained.items()
    }
    assert changed == {key: [key] for key in ("gain_db", "speed")}
    rows = [
        line.strip("| ").split(" | ")
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("| ")
    ]
    assert [row[0] for row in rows[1:]] == ["none", *kinds]
    # All are one model, so they make the same sound.
    assert {entry for row in rows[2:] for entry in row[1:]} == {"+0.000 ± 0.000"}
    assert float(rows[1][1].split()[0]) > 1
    with pytest.raises(AudiodiffError, match="--voice 'none' is not in"):
        augmentation.main(*arguments, **(words | {"voice": "none"}))

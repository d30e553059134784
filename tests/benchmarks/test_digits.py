import json
from pathlib import Path

import pytest
import torch
from benchmark_scripts import RATE, Script, voiced

from audiodiff import Model, ModelConfig, Run
from audiodiff.audio.io import save
from audiodiff.model.classifier import Classifier, ClassifierConfig

LABELS = {"digit": ["three", "seven", "nine"], "speaker": ["theo", "jackson", "lucas"]}
SHARED = {"sample_rate": RATE, "labels": LABELS, "codec": {"kind": "mel"}}


def write_run(out: Path) -> None:
    """The folder of the recipe, with untrained networks and two clips of each pair of labels."""
    torch.manual_seed(0)
    rows, lists = ["id,digit,speaker"], {"train": [], "test": []}
    for number, digit in enumerate(LABELS["digit"]):
        for pitch, speaker in enumerate(LABELS["speaker"]):
            for take, split in enumerate(("test", "train")):
                id_ = f"{number}_{speaker}_{take}"
                wave = voiced(0.1 + 0.02 * number, 100 + 40 * pitch + take)
                save(out / f"prepared/wavs/{id_}.flac", wave, RATE)
                rows.append(f"{id_},{digit},{speaker}")
                lists[split].append(id_)
    (out / "prepared/labels.csv").write_text("\n".join(rows))
    for split, ids in lists.items():
        (out / f"prepared/{split}.txt").write_text("\n".join(ids))
    guidance = [{"kind": "classifier-free"}]
    sampling = {"sampler": "ddim", "times": [1.0, 0.5, 0.0], "n_samples": 4096}
    config = {
        "target": "v",
        "network": {"kind": "unet", "widths": [32], "n_blocks": 1},
        "schedule": {"kind": "cosine"},
        "sampling": sampling | {"guidance": guidance},
    }
    Model(ModelConfig.parse(SHARED | config, "test")).save(out / "unet/model")
    sizes = {"widths": [32], "n_blocks": 1, "n_features": 4}
    network = sizes | {"n_labels": {"digit": 3, "speaker": 3}}
    for name, schedule in (("classifier", {"kind": "cosine"}), ("judge", None)):
        values = SHARED | {"n_frames": 16, "schedule": schedule, "network": network}
        Classifier(ClassifierConfig.parse(values, "test")).save(out / f"{name}/model")


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
    monkeypatch.setattr(digits, "N_OPINIONS", 1)
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

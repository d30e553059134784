"""The judgement of sounds made from texts."""

import json
import re
from pathlib import Path

import pytest
import torch
from benchmark_scripts import Script
from small_models import WORDED, small_config, untrained

from audiodiff.data.layouts import DIGITS
from audiodiff.model.classifier import Classifier, ClassifierConfig

LABELS = {"digit": DIGITS, "speaker": ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")}


def write_judge(folder: Path) -> None:
    torch.manual_seed(0)
    network = {"widths": [32], "n_blocks": 1, "n_features": 4}
    network["n_labels"] = {kind: len(names) for kind, names in LABELS.items()}
    values = {
        "sample_rate": 22050, "n_frames": 8, "labels": LABELS, "codec": {"kind": "mel"},
        "network": network,
    }  # fmt: skip
    Classifier(ClassifierConfig.parse(values, "test")).save(folder)


def test_texts_are_judged_at_every_scale(
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = script("text")
    monkeypatch.setattr(text, "SCALES", (1.0, 2.0))
    write_judge(tmp_path / "judge")
    words = {"text": {"width": 32, "n_layers": 1, "n_bytes": 160}}
    config = small_config(**WORDED | {"network": WORDED["network"] | words})
    untrained(config).save(tmp_path / "unet/model")
    text.main(tmp_path, n=1, judge=str(tmp_path / "judge"))
    table = capsys.readouterr().out
    heads = [line.split(" | ")[:2] for line in table.splitlines() if line.startswith("| ")][1:]
    assert heads == [[f"| {name}", scale] for name in text.SETS for scale in ("1", "2")]
    rows = json.loads((tmp_path / "judged/text.json").read_text())
    for row in rows:
        assert all(0 <= row[name] <= 1 for name in (*text.JUDGED, *text.HOW))
    assert (tmp_path / "judged/text.md").read_text() == table.removesuffix("\n")
    assert (tmp_path / "judged/text.png").stat().st_size > 5000


def test_pairs_differ_in_nothing_but_the_quality(script: Script) -> None:
    text = script("text")
    sets = text.combinations(LABELS["speaker"], 60)
    together, never = (set(facts[:2] for facts in sets[name]) for name in text.SETS)
    assert never == set(text.HELD_OUT)
    assert len(together) == 54
    assert not together & never
    for i, facts in enumerate(sets[text.SETS[1]]):
        plain = text.text_of(facts, i).lower()
        assert facts.speaker in plain
        louder = text.text_of(facts._replace(loudness=1), i).lower()
        added = [words for words in text.HOW["loudness"][1] if words in louder]
        assert len(added) == 1
        left = louder.replace(added[0], "")
        assert re.findall(r"\w+", left) == re.findall(r"\w+", plain)

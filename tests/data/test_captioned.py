"""Clips with texts: the file, and which phrasing a crop has."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from audiodiff import AudiodiffError
from audiodiff.conditioning.text import bytes_of
from audiodiff.data.captioned import CaptionedClips, read_captions
from audiodiff.data.clips import Clips
from audiodiff.data.crops import Crops, crop_batch
from audiodiff.data.labelled import LabelledClips

CAPTIONS = {"a": ["one", "it says one", "a one"], "b": ["two"]}


def clips() -> Clips:
    samples = (100 * np.sin(np.arange(200))).astype("<i2")
    return Clips(samples, ("a", "b"), (100, 100), 8000)


def crops(of: Clips, start: int = 0, size: int = 40) -> Crops:
    return crop_batch(of, seed=3, start=start, batch_size=size, n_samples=50)


def test_a_crop_has_one_of_its_clips_texts_by_its_place() -> None:
    captioned = CaptionedClips(clips(), CAPTIONS, 20)
    whole, plain = crops(captioned), crops(clips())
    assert torch.equal(whole.wave, plain.wave)  # texts are drawn last
    said = [bytes(line[line >= 0].tolist()).decode() for line in whole.cond["text"]]
    assert set(said) == {"one", "it says one", "a one", "two"}
    later = crops(captioned, 30, 5).cond["text"]
    n = later.shape[1]
    assert torch.equal(later, whole.cond["text"][30:35, :n])
    assert (whole.cond["text"][30:35, n:] == -1).all()
    assert torch.equal(captioned.condition(0, 0, 50)["text"], bytes_of("one", 20))


def test_texts_stand_beside_labels() -> None:
    sets = {"digit": ("one", "two")}
    table = {"a": {"digit": "one"}, "b": {"digit": "two"}}
    both = CaptionedClips(LabelledClips(clips(), sets, table), CAPTIONS, 20)
    assert both.condition(1, 0, 50)["digit"].tolist() == [1]
    assert both.condition(1, 0, 50)["text"].shape == (1, 3)


def test_the_file_names_clips_by_folder(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        line = json.dumps({"id": "a/b", "texts": [f"neuf \u4e5d {name}", ""]}, ensure_ascii=False)
        (tmp_path / name / "captions.jsonl").write_text(f"\ufeff{line}\n\n", encoding="utf-8")
    assert read_captions([tmp_path / "x"]) == {"a/b": ("neuf \u4e5d x", "")}
    assert list(read_captions([tmp_path / "x", tmp_path / "y"])) == ["x/a/b", "y/a/b"]
    assert read_captions([tmp_path]) == {}


GOOD = '{"id": "a", "texts": ["one"]}'


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"id": "b"}', r"line 2 does not fit: texts: field required .*; a line is such as \{"),
        ('{"id": "b", "texts": []}', "line 2 does not fit: texts: .* at least 1 item"),
        ('{"id": "b", "texts": "two"}', "line 2 does not fit: texts: "),
        ('{"id": "b", "texts": [2]}', "line 2 does not fit: texts.0: "),
        ('{"id": "b", "texts": ["two"], "x": 1}', "line 2 does not fit: x: extra"),
        ('["b", "two"]', "line 2 does not fit: Caption: "),
        ("b|two", "line 2 is not JSON that can be read: .*; a line is such as"),
        ('{"id": "b", "texts": ["tw', "line 2 is not JSON that can be read"),
        (b'{"id": "b", "texts": ["\xe9"]}', "line 2 is not JSON: .*; save it as UTF-8"),
        (
            b'{"id": "b", "texts": ["' + b"x" * 2**20 + b'"]}',
            "line 2 has over 1048576 bytes; cut it",
        ),
        (GOOD, "line 2 is the second one of clip 'a'; give all of its texts in one"),
    ],
)
def test_a_bad_line_is_one_sentence(tmp_path: Path, line: str | bytes, sentence: str) -> None:
    content = line.encode() if isinstance(line, str) else line
    (tmp_path / "captions.jsonl").write_bytes(GOOD.encode() + b"\n" + content + b"\n")
    with pytest.raises(AudiodiffError, match=sentence) as refusal:
        read_captions([tmp_path])
    assert "\n" not in str(refusal.value)
    assert str(tmp_path / "captions.jsonl") in str(refusal.value)


def test_a_clip_without_a_text_that_the_model_takes_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudiodiffError, match=r"clip 'b' has no text; add a captions.jsonl to its"):
        CaptionedClips(clips(), {"a": ["one"]}, 20)
    with pytest.raises(AudiodiffError, match="clip 'a' of captions.jsonl: text='it says one' has"):
        CaptionedClips(clips(), CAPTIONS, 5)
    (tmp_path / "captions.jsonl").mkdir()
    with pytest.raises(AudiodiffError, match="captions.jsonl cannot be read"):
        read_captions([tmp_path])

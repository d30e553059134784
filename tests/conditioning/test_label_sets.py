"""Labels of several kinds, such as a digit and its speaker."""

from pathlib import Path

import numpy as np
import pytest
import torch
from contracts import noise

from audiodiff import AudiodiffError, Generator, Model, ModelConfig
from audiodiff.audio import io
from audiodiff.data.clips import Clips
from audiodiff.data.labelled import LabelledClips, read_table
from audiodiff.training.config import TrainConfig
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

SETS = {"digit": ("zero", "one", "two"), "speaker": ("jackson", "theo")}
CONFIG = {
    "sample_rate": 8000,
    "labels": SETS,
    "network": {"kind": "unet", "shape": (), "patch": 32, "widths": (32, 32), "n_blocks": 1},
    "schedule": {"kind": "cosine"},
    "target": "v",
    "sampling": {"times": [1.0, 0.5, 0.0], "guidance": [{"kind": "classifier-free"}]},
}


def model(**changes: object) -> Model:
    torch.manual_seed(0)
    made = Model(ModelConfig.parse(CONFIG | changes, "test"))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return made


def test_each_kind_is_asked_for_by_its_name(tmp_path: Path) -> None:
    made = model()
    assert made.config.network.parts == {"digit": 3, "speaker": 2}
    made.save(tmp_path)
    generator = Generator.from_pretrained(tmp_path)
    assert generator.labels == SETS
    both = {"digit": "one", "speaker": "theo"}
    sounds = [
        generator.generate(1, label, n_samples=800) for label in (both, {"digit": "one"}, None)
    ]
    assert sounds[0].shape == (1, 800)
    assert not torch.equal(sounds[0], sounds[1])
    assert not torch.equal(sounds[1], sounds[2])
    assert not torch.equal(sounds[0], generator.generate(1, both, 3.0, n_samples=800))


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        ("one", "label='one': this model has labels for digit, speaker; give them by these names"),
        ({"digits": "one"}, "label: 'digits': this model has labels for .*, such as digit="),
        ({"speaker": "nobody"}, "speaker='nobody': this model has jackson, theo; choose"),
    ],
)
def test_what_there_is_not_is_refused(label: str | dict[str, str], sentence: str) -> None:
    with pytest.raises(AudiodiffError, match=sentence):
        Generator(model()).generate(1, label)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"labels": {"digit": ("zero",)}}, None),
        ({"labels": {"digit": ("zero", "zero")}}, "labels: digit holds a name twice: zero, zero"),
        ({"network": {**CONFIG["network"], "n_labels": {"digit": 3}}}, "n_labels.speaker=None but"),
        ({"network": {**CONFIG["network"], "n_labels": {"digit": 3, "speaker": 9}}}, "=9 but .* 2"),
    ],
)
def test_sizes_follow_from_the_names(changes: dict[str, object], sentence: str | None) -> None:
    if sentence is None:
        assert model(**changes).config.network.parts == {"digit": 1}
        return
    with pytest.raises(AudiodiffError, match=sentence):
        model(**changes)


def test_a_table_gives_the_labels_of_clips(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("id,speaker,digit\n0,theo,two\n1,jackson,zero\n")
    clips = Clips(np.zeros(20, "<i2"), ("0", "1"), (10, 10), 8000)
    labelled = LabelledClips(clips, SETS, read_table([tmp_path]))
    found = [{kind: c.item() for kind, c in one.items()} for one in labelled.classes]
    assert found == [{"digit": 2, "speaker": 1}, {"digit": 0, "speaker": 0}]
    with pytest.raises(AudiodiffError, match="clip '0' has no digit; add a labels.csv"):
        LabelledClips(clips, SETS, {})
    (tmp_path / "labels.csv").write_text("id,speaker,digit\n0,theo,ten\n1,jackson,zero\n")
    with pytest.raises(AudiodiffError, match="'0' has digit 'ten' in labels.csv, which is none"):
        LabelledClips(clips, SETS, read_table([tmp_path]))
    for broken in ("id,speaker\n0\n", "id,speaker\n0,theo,two\n", "clip,speaker\n0,theo\n"):
        (tmp_path / "labels.csv").write_text(broken)
        with pytest.raises(AudiodiffError, match="line 2 does not fit the first"):
            read_table([tmp_path])


def test_training_learns_them(tmp_path: Path, one_thread: None) -> None:
    for n in range(3):
        io.save(tmp_path / f"clips/{n}.wav", 0.1 * noise(1, 4000)[0].numpy(), 8000)
    (tmp_path / "clips/labels.csv").write_text(
        "id,digit,speaker\n" + "".join(f"{n},one,theo\n" for n in range(3))
    )
    values = {"model": CONFIG, "steps": 6, "batch_size": 2, "data": {"crop_frames": 1024}}
    config = TrainConfig.parse(values | {"objective": {"drop": {"speaker": 0.5}}}, "test")
    train(config, [tmp_path / "clips"], tmp_path / "out", stop=Stop(), resume=False, say=print)
    trained = Model.load(tmp_path / "out/model").network.labels
    torch.manual_seed(config.seed)
    fresh = Model(config.model).network.labels
    changed = [(trained[kind].weight != fresh[kind].weight).any(1).tolist() for kind in SETS]
    assert changed == [[False, True, False], [False, True]]

"""A model that takes texts, from `captions.jsonl` to a sound."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from contracts import noise

from audiodiff import AudiodiffError, Generator, Model, ModelConfig
from audiodiff.audio import io
from audiodiff.data.layouts import read_layout
from audiodiff.data.prepare import prepare
from audiodiff.data.prepared import PrepareSettings
from audiodiff.data.shard_writer import write_shards
from audiodiff.training.config import TrainConfig
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

NETWORK = {"kind": "unet", "shape": (), "patch": 32, "widths": (32,), "n_blocks": 1}
MODEL = {
    "sample_rate": 8000,
    "network": NETWORK | {"text": {"kind": "bytes", "width": 32, "n_layers": 1, "n_bytes": 30}},
    "schedule": {"kind": "cosine"},
    "target": "v",
    "sampling": {"times": [1.0, 0.5, 0.0], "guidance": [{"kind": "classifier-free"}]},
}
RUN = {
    "model": MODEL,
    "steps": 4,
    "batch_size": 2,
    "data": {"crop_frames": 256},
    "optimizer": {"lr": 1e-3, "warmup": 1},
    "objective": {"drop": {"text": 0.3}},
}


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    for n in range(3):
        io.save(folder / f"{n}.wav", 0.1 * noise(1, 4000, seed=n)[0].numpy(), 8000)
    return folder


def write_captions(folder: Path, texts: Sequence[str]) -> None:
    lines = (json.dumps({"id": str(n), "texts": texts}) for n in range(3))
    (folder / "captions.jsonl").write_text("\n".join(lines))


def test_training_learns_texts_from_the_weights_of_a_model_of_labels(
    clips: Path, tmp_path: Path, one_thread: None
) -> None:
    torch.manual_seed(5)
    labels = {"digit": ("zero", "one")}
    labelled = Model(ModelConfig.parse(MODEL | {"network": NETWORK, "labels": labels}, "test"))
    for parameter in labelled.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    labelled.save(tmp_path / "labelled")
    write_captions(clips, ["nine", "it says nine"])
    config, out, said = TrainConfig.parse(RUN, "test"), tmp_path / "out", []
    options = {"resume": False, "init": tmp_path / "labelled", "say": said.append}
    train(config, [clips], out, stop=Stop(), **options)
    assert any("weights that --init lacks start new, e.g. network.text." in s for s in said)
    trained = Model.load(out / "model").network
    torch.manual_seed(config.seed)
    fresh = Model(config.model).network
    # The bytes of the texts are learned, and no others; the rest is as it was, and a little more.
    changed = (trained.text.bytes.weight != fresh.text.bytes.weight).any(1).nonzero().flatten()
    assert bytes(changed.tolist()) == bytes(sorted(set(b"it says nine")))
    given, weight = labelled.network.input.weight, trained.input.weight
    assert (weight - given).abs().max() < 0.1 * (weight - fresh.input.weight).abs().max()
    generator = Generator.from_pretrained(out / "model")
    nine, anything = (generator.generate(text=text, n_samples=800) for text in ("nine", None))
    assert nine.shape == (1, 800)
    assert not torch.equal(nine, anything)


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (None, r"clip '\d' has no text; add a captions.jsonl to its folder"),
        (["x" * 31], r"clip '\d' of captions.jsonl: text='x+' has 31 bytes and this model takes"),
        ([], "captions.jsonl: line 1 does not fit: texts: "),
    ],
)
def test_clips_without_texts_that_fit_are_one_sentence(
    clips: Path, tmp_path: Path, texts: Sequence[str] | None, sentence: str
) -> None:
    if texts is not None:
        write_captions(clips, texts)
    config = TrainConfig.parse(RUN, "test")
    with pytest.raises(AudiodiffError, match=sentence):
        train(config, [clips], tmp_path / "out", stop=Stop(), resume=False, say=print)


def test_texts_of_shards_are_learned(clips: Path, tmp_path: Path, one_thread: None) -> None:
    pytest.importorskip("webdataset")
    write_captions(clips, ["nine"])
    layout = read_layout("folder", clips, None)
    prepared, settings = tmp_path / "prepared", PrepareSettings(sample_rate=8000, min_seconds=0.1)
    with ThreadPoolExecutor(1) as pool:
        prepare(layout, prepared, settings, pool, lambda n: None)
    write_shards(prepared, prepared / "shards", 2**20, lambda shard: None)
    config, out = TrainConfig.parse(RUN, "test"), tmp_path / "out"
    options = {"stop": Stop(), "resume": False, "shards": str(prepared / "shards"), "say": print}
    train(config, [], out, **options)
    learned = Model.load(out / "model").network.text.bytes.weight
    torch.manual_seed(config.seed)
    fresh = Model(config.model).network.text.bytes.weight
    # What leads from a text to the output begins at zero, so its bytes learn after some steps.
    changed = (learned != fresh).any(1).nonzero().flatten()
    assert bytes(changed.tolist()) == bytes(sorted(set(b"nine")))

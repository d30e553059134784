"""Models that make sounds of a class."""

from pathlib import Path

import pytest
import torch
from contracts import noise
from small_models import small_config, untrained

from audiodiff.audio import io
from audiodiff.conditioning import joined, moved, selected, without
from audiodiff.data.clips import FULL_SCALE, Clips
from audiodiff.data.crops import crop_batch
from audiodiff.data.labelled import LabelledClips
from audiodiff.errors import AudiodiffError
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.model.weights import load_tensors
from audiodiff.pipelines.generator import Generator
from audiodiff.training.config import TrainConfig
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

LABELS = ("low", "high")
CONFIG = {
    "sample_rate": 8000,
    "mel": None,
    "labels": LABELS,
    "network": {
        "kind": "diffwave", "n_channels": 8, "n_layers": 2, "n_mels": None, "n_labels": 2,
    },
    "schedule": {"kind": "cosine"},
    "target": "v",
    "sampling": {"times": [1.0, 0.5, 0.0]},
}  # fmt: skip


def model() -> Model:
    torch.manual_seed(0)
    made = Model(ModelConfig.parse(CONFIG, "test"))
    torch.nn.init.normal_(made.network.output.weight, std=0.3)
    return made


def test_a_label_is_a_bias_of_every_layer() -> None:
    network = model().network
    x, level = noise(3, 500), torch.tensor([4.0, 20.0, 40.0])
    cond = network.condition({"label": torch.tensor([0, 1, 1])})
    assert [part.shape for part in cond] == [(3, 8, 1, 1)] * 4
    together = network(x, level, cond)
    for i, label in enumerate((0, 1, 1)):
        features = network.condition({"label": torch.tensor([label])})
        alone = network(x[i : i + 1], level[i : i + 1], features)
        torch.testing.assert_close(together[i], alone[0])
    other = network(x[:1], level[:1], network.condition({"label": torch.tensor([1])}))
    assert (other - together[0]).abs().max() > 1e-3


def test_what_is_generated_depends_on_the_label(tmp_path: Path) -> None:
    model().save(tmp_path)
    generator = Generator.from_pretrained(tmp_path)
    assert generator.labels == {"label": LABELS}
    low, high, anything = (
        generator.generate(label=label, seed=1, n_samples=800) for label in (*LABELS, None)
    )
    assert low.shape == (1, 800)
    assert not torch.equal(low, high)
    assert torch.equal(low, generator.generate(1, "low", seed=1, n_samples=800))
    # Without a label there is no bias: a third sound.
    assert anything.shape == (1, 800)
    assert not torch.equal(anything, low)
    with pytest.raises(AudiodiffError, match="this model has low, high; choose accordingly"):
        generator.generate(1, "loud")


def test_a_scale_insists_on_the_label() -> None:
    guided = CONFIG | {
        "sampling": {"times": [1.0, 0.5, 0.0], "guidance": [{"kind": "classifier-free"}]}
    }
    torch.manual_seed(0)
    steered = Model(ModelConfig.parse(guided, "test"))
    steered.load_state_dict(model().state_dict())
    plain, generator = Generator(model()), Generator(steered)
    own = plain.generate(1, "low", n_samples=800)
    assert torch.equal(generator.generate(1, "low", n_samples=800), own)  # a scale of 1
    free, far = (generator.generate(1, "low", scale, n_samples=800) for scale in (0.0, 3.0))
    torch.testing.assert_close(free, plain.generate(n_samples=800))
    assert (far - own).norm() > 0.5 * (own - free).norm() > 0
    with pytest.raises(AudiodiffError, match="guidance_scale=nan: input should be a finite number"):
        generator.generate(1, "low", float("nan"))
    with pytest.raises(AudiodiffError, match="guidance_scale=2.0: this model has no guidance"):
        plain.generate(1, "low", 2.0)


def test_labels_are_the_folders_of_clips() -> None:
    samples = (0.1 * noise(1, 300)[0] * FULL_SCALE).numpy().astype("<i2")
    clips = Clips(samples, ("low/a", "voice/high/b", "low/c"), (100, 100, 100), 8000)
    labelled = LabelledClips(clips, {"label": LABELS}, {})
    wave, cond = crop_batch(labelled, seed=0, start=0, batch_size=20, n_samples=50)
    label = cond["label"]
    of_sample = {x: i for i in range(3) for x in clips.wave(i).tolist()}
    assert label.tolist() == [
        labelled.classes[of_sample[x]]["label"].item() for x in wave[:, 7].tolist()
    ]
    assert set(label.tolist()) == {0, 1}
    with pytest.raises(AudiodiffError, match="clip 'a' lies in 'no folder', which is none of"):
        LabelledClips(Clips(samples, ("a",), (300,), 8000), {"label": LABELS}, {})


def test_training_by_labels_learns_them(tmp_path: Path, one_thread: None) -> None:
    for label in LABELS:
        for n in range(3):
            io.save(tmp_path / "clips" / label / f"{n}.wav", 0.1 * noise(1, 4000)[0].numpy(), 8000)
    (tmp_path / "clips" / "dev.txt").write_text("low/0\nhigh/0\n")
    config = TrainConfig.parse(
        {"model": CONFIG, "steps": 3, "batch_size": 2, "data": {"crop_frames": 4}, "log_every": 1},
        "test",
    )
    folders = [tmp_path / "clips"]
    train(config, folders, tmp_path / "out", stop=Stop(), resume=False, say=print)
    trained, _ = load_tensors(tmp_path / "out" / "model" / "model.safetensors")
    torch.manual_seed(0)
    fresh = Model(config.model).network.state_dict()
    assert not torch.equal(trained["network.labels.weight"], fresh["labels.weight"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"labels": None}, "network.n_labels=2 but there are none"),
        ({"labels": ("a", "b", "c")}, "network.n_labels=2 but there are 3"),
        ({"labels": ("a", "a")}, "holds a name twice"),
    ],
)
def test_labels_and_network_must_agree(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(AudiodiffError, match=sentence):
        ModelConfig.parse(CONFIG | change, "test")


def test_a_mel_and_a_label_stand_together_and_each_may_be_dropped() -> None:
    network = {"kind": "diffwave", "n_channels": 4, "n_layers": 2, "upsample_factors": [16, 16]}
    both = untrained(small_config(labels=LABELS, network=network))
    assert both.config.network.parts == {"mel": 80, "label": 2}
    mel = both.log_mel(noise(2, 20 * 256) / 10)
    cond = {"mel": mel, "label": torch.tensor([0, 1])}
    conds = [cond, without(cond, "label"), without(cond, "mel"), without(cond, *cond)]
    x, level = noise(2, 20 * 256), torch.tensor([3.0, 20.0])
    with torch.no_grad():
        made = [both.network(x, level, both.network.condition(c)) for c in conds]
    for i in range(4):
        for j in range(i):
            assert (made[i] - made[j]).abs().max() > 1e-4
    with torch.no_grad():
        sound = both.make(cond, 20 * 256)
    assert sound.shape == (2, 20 * 256)


def test_conditions_are_selected_joined_and_moved() -> None:
    cond = {"mel": noise(3, 80, 4), "label": torch.tensor([4, 5, 6])}
    assert joined([selected(cond, [0]), selected(cond, [1, 2])])["label"].tolist() == [4, 5, 6]
    assert moved(cond, torch.device("cpu")).keys() == cond.keys()
    assert without(cond, "mel", "text").keys() == {"label"}
    assert joined([{}, {}]) == {}

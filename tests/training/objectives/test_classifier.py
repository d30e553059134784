from pathlib import Path

import pytest
import torch
from contracts import noise

from audiodiff.errors import AudiodiffError
from audiodiff.model.classifier import Classifier
from audiodiff.model.model import Model
from audiodiff.training.config import read_train_config
from audiodiff.training.objectives import Batch, CrossEntropy
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

CONFIG = """
steps = 4
batch_size = 3
log_every = 2
eval_every = 2
checkpoint_every = 2
optimizer = { kind = "muon", lr = 0.01, adamw_lr = 1e-3, warmup = 0 }
objective = { kind = "classifier", network = { widths = [32, 64], n_blocks = 1, n_features = 16 } }
data = { crop_frames = 16 }

[model]
sample_rate = 22050
target = "v"
labels = { digit = ["one", "two"], speaker = ["theo", "lucas"] }
codec = { kind = "mel" }
network = { kind = "unet", widths = [32], n_blocks = 1 }
schedule = { kind = "cosine" }
sampling = { times = [1.0, 0.0] }
"""


def config_file(folder: Path) -> Path:
    path = folder / "classifier.toml"
    path.write_text(CONFIG)
    return path


def objective_of(folder: Path, *settings: str) -> CrossEntropy:
    config = read_train_config(config_file(folder), settings)
    torch.manual_seed(0)
    return config.objective.build(Model(config.model), config.setting).eval()


def batch_of(places: list[int]) -> Batch:
    """Tones whose pitch is the digit and whose level is the speaker."""
    time = torch.arange(16 * 256) / 22050
    digit, speaker = torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])
    tones = torch.sin(2000 * (1 + digit[:, None]) * time) * (0.02 + 0.2 * speaker[:, None])
    batch = Batch(tones, {"digit": digit, "speaker": speaker}, seed=0, first=places[0])
    return batch._replace(wave=tones[: len(places)])


@pytest.mark.parametrize("noisy", [True, False])
def test_the_classifier_fits_one_batch(noisy: bool, tmp_path: Path) -> None:
    objective = objective_of(tmp_path, f"objective.noisy={noisy}".lower())
    optimizer = torch.optim.Adam(objective.trained.parameters(), 3e-3)
    batch = batch_of([0, 1, 2, 3])
    first, _ = objective(batch)
    for _ in range(60):
        loss, right = objective(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.2 * first
    assert right == {"train/right_digit": 1.0, "train/right_speaker": 1.0}
    figures = objective.on_dev(batch)
    assert figures == objective.on_dev(batch)
    assert figures["dev/right_digit_t0.00" if not noisy else "dev/right_digit_t0.02"] == 1
    # Near t = 1 nothing is left to tell: no worse than guessing, and hardly better.
    if noisy:
        at_noise = torch.full((4,), 0.99, dtype=torch.float64)
        loss, _ = objective.at(objective._state(batch, at_noise), at_noise, batch.cond)
        assert loss > 0.3


def test_a_crops_loss_depends_on_its_place_alone(tmp_path: Path) -> None:
    objective = objective_of(tmp_path)
    batch = batch_of([4, 5, 6, 7])
    later = batch._replace(first=6, wave=batch.wave[2:], cond=dict(
        (kind, label[2:]) for kind, label in batch.cond.items()
    ))  # fmt: skip
    t = objective.times.at(batch.places, 1e-3)
    state = objective._state(batch, t)
    torch.testing.assert_close(objective._state(later, t[2:]), state[2:])
    assert not torch.allclose(objective._state(later._replace(first=7), t[2:]), state[2:])


def test_a_classifier_of_sound_sees_no_noise(tmp_path: Path) -> None:
    objective = objective_of(tmp_path, "objective.noisy=false")
    batch = batch_of([0, 1, 2, 3])
    assert objective(batch)[0] == objective(batch._replace(first=9))[0]


def test_an_open_label_is_not_learned_from(tmp_path: Path) -> None:
    objective = objective_of(tmp_path)
    batch = batch_of([0, 1, 2, 3])
    cond = {**batch.cond, "speaker": torch.full((4,), -1)}
    cond["speaker"][0] = 1
    loss, _ = objective(batch._replace(cond=cond))
    loss.backward()
    assert torch.isfinite(loss)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("model.labels={}", "needs model.labels"),
        ("objective.network.widths=[33]", "33, which is no multiple of 32"),
        ("objective.network.n_labels={digit=2}", "n_labels"),
    ],
)
def test_what_does_not_fit_is_refused(setting: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(AudiodiffError, match=sentence):
        read_train_config(config_file(tmp_path), [setting])


def test_a_model_with_a_mel_is_refused(tmp_path: Path) -> None:
    settings = [
        "model.network={kind='diffwave', n_channels=4, n_layers=2}",
        "model.codec={kind='waveform'}",
        "model.labels=['one', 'two']",
        "model.mel=hifigan",
    ]
    with pytest.raises(AudiodiffError, match=r"needs a model without model\.mel"):
        read_train_config(config_file(tmp_path), settings)


def test_a_run_saves_the_classifier_and_resumes(clips: Path, tmp_path: Path) -> None:
    rows = ["0,one,theo", "1,two,theo", "2,one,lucas", "3,two,lucas"]
    (clips / "labels.csv").write_text("\n".join(["id,digit,speaker", *rows]))
    (clips / "broken.wav").unlink()
    config = read_train_config(config_file(tmp_path))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(config, [clips], whole, stop=Stop(), resume=False, say=lambda line: None)
    for step in (2, None):
        train(config, [clips], parts, stop=Stop(step), resume=step is None, say=lambda line: None)
    made = [Classifier.load(out / "model") for out in (whole, parts)]
    assert made[0].config.labels == {"digit": ("one", "two"), "speaker": ("theo", "lucas")}
    assert made[0].config.schedule == config.model.schedule
    x_t, t = noise(2, 80, 20), torch.tensor([0.1, 0.8])
    logits = [classifier(x_t, t)["digit"] for classifier in made]
    assert torch.equal(*logits)
    torch.testing.assert_close(logits[0].exp().sum(1), torch.ones(2))
    with pytest.raises(AudiodiffError, match="starts from new weights; leave it out"):
        train(
            config, [clips], tmp_path / "new", stop=Stop(), resume=False,
            init=whole / "model", say=lambda line: None,
        )  # fmt: skip

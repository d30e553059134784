from pathlib import Path

import pytest
import torch
from contracts import noise

from audiodiff.errors import AudiodiffError
from audiodiff.model.classifier import Classifier, ClassifierConfig
from audiodiff.pipelines.sound_classifier import SoundClassifier


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = {"widths": [32, 64], "n_blocks": 1, "n_features": 8, "n_labels": {"digit": 2}}
    values = {
        "sample_rate": 22050,
        "n_frames": 16,
        "labels": {"digit": ["one", "two"]},
        "codec": {"kind": "mel"},
        "network": network,
    }
    Classifier(ClassifierConfig.parse(values, "test")).save(tmp_path)
    return tmp_path


def test_a_sound_has_classes_and_features(directory: Path) -> None:
    classifier = SoundClassifier.from_pretrained(directory)
    assert classifier.labels == {"digit": ("one", "two")}
    wave = noise(3, 5000) / 10
    known = classifier.probabilities(wave)["digit"]
    torch.testing.assert_close(known.sum(1), torch.ones(3))
    features = classifier.features(wave)
    assert features.shape == (3, 8)
    assert features.dtype == torch.float64
    # They are computed in float32, whose sums a batch may order otherwise.
    alone = classifier.features(wave[1:2])
    torch.testing.assert_close(alone, features[1:2], rtol=1e-4, atol=1e-5)
    assert (features[0] - features[1]).abs().max() > 1e-4


def test_a_short_sound_has_silence_after_it(directory: Path) -> None:
    classifier = SoundClassifier.from_pretrained(directory)
    wave = noise(1, 1000) / 10
    padded = torch.nn.functional.pad(wave, (0, 16 * 256 - 1000))
    assert torch.equal(classifier.features(wave), classifier.features(padded))
    longer = torch.nn.functional.pad(wave, (0, 2**13))
    assert not torch.equal(classifier.features(wave), classifier.features(longer))


def test_no_classifier_is_said(tmp_path: Path) -> None:
    with pytest.raises(AudiodiffError, match="is not a model directory"):
        SoundClassifier.from_pretrained(tmp_path)
    with pytest.raises(AudiodiffError, match="'nowhere' is neither"):
        SoundClassifier.from_pretrained("nowhere")
    with pytest.raises(AudiodiffError, match="holds a model that makes sound, no classifier"):
        SoundClassifier.from_pretrained("default")

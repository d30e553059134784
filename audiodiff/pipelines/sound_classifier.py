"""The classes of sounds, and features of them to compare sets of sounds by."""

from pathlib import Path

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional as F

from audiodiff._types import State, Times, Wave
from audiodiff.model.classifier import Classifier
from audiodiff.model.hub import model_directory
from audiodiff.system.devices import check_device


class SoundClassifier:
    """Tells the classes of sounds.

    Sounds shorter than those that it was trained on get silence after them, as in training.

    Args:
        classifier: A trained classifier.

    Attributes:
        classifier: The classifier.
        sample_rate: Sample rate of the sounds in Hz.
        labels: Names of the classes of each kind of label.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier.eval()
        self.sample_rate = classifier.config.sample_rate
        self.labels = classifier.config.labels

    @classmethod
    def from_pretrained(cls, name: str | Path, device: str = "cpu") -> "SoundClassifier":
        """Loads a classifier.

        Args:
            name: A classifier of this package, its directory, or the id ``owner/name`` of one on
                the Hugging Face Hub.
            device: Device to run it on, e.g. ``cpu`` or ``cuda``.

        Raises:
            AudiodiffError: If there is no such classifier or device, or its files are damaged.
        """
        classifier = Classifier.load(model_directory(str(name)))
        check_device(device)
        return cls(classifier.to(device))

    @torch.no_grad()
    def features(self, wave: Wave) -> Float64[Tensor, "batch width"]:
        """The vector of each sound from which its classes are read, on the CPU.

        Args:
            wave: Sounds at `sample_rate`, (batch, samples).
        """
        return self.classifier.features(*self._state(wave)).double().cpu()

    @torch.no_grad()
    def probabilities(self, wave: Wave) -> dict[str, Float[Tensor, "batch _"]]:
        """The probability of each class by the kind of label, on the CPU.

        Args:
            wave: Sounds at `sample_rate`, (batch, samples).
        """
        known = self.classifier(*self._state(wave))
        return {kind: log_p.exp().cpu() for kind, log_p in known.items()}

    def _state(self, wave: Wave) -> tuple[State, Times]:
        """The sounds as the classifier takes them, at the time of no noise."""
        hop, least = self.classifier.codec.hop_length, self.classifier.config.n_frames
        n_frames = max(least, -(-wave.shape[1] // hop))
        whole = F.pad(wave.float(), (0, n_frames * hop - wave.shape[1]))
        t = torch.zeros(len(wave), dtype=torch.float64, device=self.classifier.device)
        return self.classifier.codec.encode(whole.to(self.classifier.device)), t

"""Texts by an encoder that others trained, whose weights stay as they are."""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from audiodiff.conditioning.encoders import Encoder, encoder_of
from audiodiff.conditioning.text import Bytes, texts_of
from audiodiff.errors import AudiodiffError
from audiodiff.networks.attention import Attended, closed
from audiodiff.networks.text import ReaderConfig, mean_of
from audiodiff.system.devices import concrete


class FrozenTextConfig(ReaderConfig):
    """A frozen encoder by name. A model stores its name and width, but not its weights.

    Attributes:
        kind: ``t5``, which gives a vector for each token of a text, or ``clap``, which gives one
            for the whole text.
        name: A directory, or the id ``owner/name`` of a model on the Hugging Face Hub, in the
            format of transformers, with weights in safetensors.
        width: Size of those vectors, such as 512 for ``google-t5/t5-small``.
    """

    kind: Literal["clap", "t5"]
    name: str = Field(min_length=1, max_length=4096)

    def encoder(self, device: torch.device) -> Encoder:
        """The encoder on a device.

        Raises:
            AudiodiffError: If it cannot be loaded, or its vectors have another size.
        """
        found = encoder_of(self.kind, self.name, concrete(device))
        if found.width != self.width:
            raise AudiodiffError(
                f"network.text.width={self.width} but the vectors of {self.name!r} have "
                f"{found.width} numbers; set it to that"
            )
        return found

    def fetch(self, device: torch.device) -> None:
        """Loads the encoder."""
        self.encoder(device)

    def build(self, n_channels: int) -> "FrozenText":
        """What is trained beside the encoder, with new weights."""
        return FrozenText(self, n_channels)


class FrozenText(nn.Module):
    """What a frozen encoder makes of texts, normalised, and of each text as a whole.

    The encoder is no part of this module, so its weights are neither trained, averaged nor saved.
    It reads each text alone, so what it makes of one depends on no other.

    Args:
        config: The encoder's name and width.
        n_channels: Length of the vector of a whole text.
    """

    def __init__(self, config: FrozenTextConfig, n_channels: int) -> None:
        super().__init__()
        self.config = config
        self.norm = nn.RMSNorm(config.width)
        self.whole = closed(nn.Linear(config.width, n_channels, bias=False))

    def forward(self, text: Bytes) -> tuple[Float[Tensor, "batch n_channels"], Attended]:
        """A vector of each text, zero for an empty one, and what there is to attend to."""
        encoder = self.config.encoder(text.device)
        made = [encoder(one) for one in texts_of(text)]
        lengths = torch.tensor([len(features) for features in made], device=text.device)
        x = self.norm(pad_sequence(made, batch_first=True))
        present = torch.arange(x.shape[1], device=text.device) < lengths[:, None]
        return self.whole(mean_of(x, present)), Attended(x, present)

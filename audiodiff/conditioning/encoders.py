"""Encoders of texts that others trained, by transformers."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff.config import shown
from audiodiff.errors import AudiodiffError
from audiodiff.system.pretrained import pretrained, tokenizer

MOST_TEXTS = 2**16
"""Texts whose features an encoder remembers, the last ones that it was asked for."""

Features: TypeAlias = Float[Tensor, "tokens width"]
"""What an encoder makes of one text: a vector for each token, or one for all."""


class Kind(NamedTuple):
    """A kind of encoder.

    Attributes:
        model: Name of its class in transformers.
        features: The features in that class's output for one text.
        width: The size of their vectors by the model's config.
        most: The most tokens that it reads by the model's config; None for any number.
    """

    model: str
    features: Callable[[Any], Features]
    width: Callable[[Any], int]
    most: Callable[[Any], int | None]


KINDS = {
    "t5": Kind(
        "T5EncoderModel",
        features=lambda output: output.last_hidden_state[0],
        width=lambda config: config.d_model,
        most=lambda config: None,
    ),
    "clap": Kind(
        "ClapTextModelWithProjection",
        features=lambda output: output.text_embeds,
        width=lambda config: config.projection_dim,
        # RoBERTa counts positions from the one after that of padding.
        most=lambda config: config.max_position_embeddings - config.pad_token_id - 1,
    ),
}
"""The kinds of encoder by name: T5's gives all tokens (arXiv:1910.10683); CLAP's the vector of the
whole text that it compares with sounds (arXiv:2211.06687)."""


class Encoder:
    """A frozen encoder in float32, which reads each text once.

    Args:
        kind: Its kind.
        name: A directory, or an id on the Hugging Face Hub.
        device: The device that it runs on.

    Attributes:
        width: Size of the vectors.

    Raises:
        AudiodiffError: If transformers is missing, or there is no such encoder.
    """

    def __init__(self, kind: Kind, name: str, device: torch.device) -> None:
        self.kind, self.name = kind, name
        self.model = pretrained("transformers", kind.model, name).to(device)
        self.tokenizer = tokenizer(name)
        self.width = kind.width(self.model.config)
        self._remembered = lru_cache(MOST_TEXTS)(self._features)

    def __call__(self, text: str) -> Features:
        """The features of a text, on the encoder's device; no token for an empty one.

        Raises:
            AudiodiffError: If it has more tokens than the encoder reads.
        """
        return self._remembered(text)

    @torch.no_grad()
    def _features(self, text: str) -> Features:
        device = self.model.device
        if not text:
            return torch.zeros(0, self.width, device=device)
        tokens = self.tokenizer(text, return_tensors="pt").to(device)
        n_tokens, most = tokens["input_ids"].shape[1], self.kind.most(self.model.config)
        if most is not None and n_tokens > most:
            raise AudiodiffError(
                f"text={shown(text)} has {n_tokens} tokens and {self.name!r} reads at most {most}; "
                "shorten it"
            )
        with torch.autocast(device.type, enabled=False):
            output = self.model(
                input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
            )
        return self.kind.features(output)


@lru_cache(maxsize=4)
def encoder_of(kind: str, name: str, device: torch.device) -> Encoder:
    """An encoder, which all models of a process share.

    Args:
        kind: Its kind, a name in `KINDS`.
        name: A directory, or an id on the Hugging Face Hub.
        device: The device that it runs on.

    Raises:
        AudiodiffError: If transformers is missing, or there is no such encoder.
    """
    return Encoder(KINDS[kind], name, device)

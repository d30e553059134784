"""A transformer over the words of a text, trained with the network that it is part of."""

import re
import zlib
from functools import lru_cache
from itertools import accumulate
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from audiodiff.conditioning.text import Bytes, texts_of
from audiodiff.config import Size
from audiodiff.networks.attention import Attended
from audiodiff.networks.text import TextTransformer, TransformerConfig

N_LETTERS = 3
"""Letters of the pieces of a word."""


class WordsConfig(TransformerConfig):
    """The sizes of a transformer over the words of a text.

    Attributes:
        n_vectors: Number of vectors that words and their pieces share.
    """

    kind: Literal["words"] = "words"
    n_layers: int = Field(default=2, ge=1, le=32)
    n_vectors: Size = 2048

    @property
    def n_weights(self) -> int:
        """Number of weights, or of most of them."""
        return super().n_weights + self.n_vectors * self.width

    def build(self, n_channels: int) -> "WordTransformer":
        """The transformer with new weights."""
        return WordTransformer(self, n_channels)


class WordTransformer(TextTransformer):
    """Features of each word of a text, and of the text as a whole.

    A word's vector is the mean of one for itself and one for every three letters in it, its ends
    being marked (arXiv:1607.04606). Each is found by a hash, so there is no list of words: those of
    any language and with any misspelling have vectors, and related words have related ones. Where
    a language puts no spaces between words, a run of letters counts as one.

    Examples:
        >>> transformer = WordTransformer(WordsConfig(width=32), n_channels=64)
        >>> whole, (tokens, present) = transformer(torch.tensor([[104, 105], [33, -1]]))
        >>> whole.shape, tokens.shape, present.tolist()
        (torch.Size([2, 64]), torch.Size([2, 1, 32]), [[True], [True]])

    Args:
        config: Its sizes.
        n_channels: Length of the vector of a whole text.
    """

    def __init__(self, config: WordsConfig, n_channels: int) -> None:
        super().__init__(config, n_channels)
        self.n_vectors = config.n_vectors
        self.vectors = nn.EmbeddingBag(config.n_vectors, config.width, mode="mean")
        self.first = nn.RMSNorm(config.width)

    def forward(self, text: Bytes) -> tuple[Float[Tensor, "batch n_channels"], Attended]:
        """A vector of each text, zero for an empty one, and what there is to attend to."""
        words = [words_of(one) for one in texts_of(text)]
        most = max(1, *map(len, words))
        padded = [word for own in words for word in (*own, *[""] * (most - len(own)))]
        pieces = [pieces_of(word, self.n_vectors) for word in padded]
        starts = list(accumulate(map(len, pieces[:-1]), initial=0))
        flat, bounds = (
            torch.tensor(numbers, device=text.device)
            for numbers in ([number for own in pieces for number in own], starts)
        )
        x = self.first(self.vectors(flat, bounds)).unflatten(0, (len(words), most))
        lengths = torch.tensor([len(own) for own in words], device=text.device)
        return self.read(x, torch.arange(most, device=text.device) < lengths[:, None])


def words_of(text: str) -> list[str]:
    """The words of a text and its marks of punctuation, in lower case.

    >>> words_of("Theo says 9, quietly.")
    ['theo', 'says', '9', ',', 'quietly', '.']
    """
    return re.findall(r"\w+|[^\w\s]", text.casefold())


@lru_cache(maxsize=2**16)
def pieces_of(word: str, n: int) -> tuple[int, ...]:
    """The numbers, below n, of a word and of its pieces of `N_LETTERS`."""
    marked = f"^{word}$"
    pieces = (marked[i : i + N_LETTERS] for i in range(len(marked) - N_LETTERS + 1))
    return tuple(zlib.crc32(piece.encode()) % n for piece in (marked, *pieces))

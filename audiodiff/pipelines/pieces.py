"""The sound of a long mel, made piece by piece, each with its neighbours as context."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Mel, WavePiece
from audiodiff.config import Count, CountOrZero, checked
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.pipelines.spans import Span, cut, grouped
from audiodiff.system.threads import Map

CHUNK_FRAMES = 1024
"""Frames of a long mel that are made at once, without context: about twelve seconds."""

MAX_CONTEXT = 128
"""Most frames of context, about 1.5 seconds: more would make exactness too expensive."""


class Cutting(NamedTuple):
    """How a long mel is cut, and what makes the pieces.

    Attributes:
        chunk_frames: Frames of a piece.
        context_frames: Frames of context on either side; those of `context_of` if None.
        batch_size: Pieces of equal size that are made at once.
        each: Makes the batches, one after another or side by side.
    """

    chunk_frames: int = CHUNK_FRAMES
    context_frames: int | None = None
    batch_size: int = 1
    each: Map = map


PLAIN = Cutting()


def context_of(model: Model, run: Run) -> int:
    """Frames on either side with which a piece is as in the whole, at most `MAX_CONTEXT`.

    Raises:
        AudiodiffError: If the run's sampler or times are wrong.
    """
    calls = (len(model.times(run)) - 1) * model.sampler(run).calls
    return min(calls * model.receptive_radius, MAX_CONTEXT)


def in_pieces(model: Model, mel: Mel, run: Run, cutting: Cutting) -> Iterator[WavePiece]:
    """The sound of a mel in pieces; joined along samples they are the whole.

    Args:
        model: A model with a mel.
        mel: (batch, n_mels, frames) in the model's own preset, on its device.
        run: The run.
        cutting: How the mel is cut.

    Raises:
        AudiodiffError: At once, if a size, or the run's sampler, times or seeds are wrong.
    """
    chunk_frames, context_frames, batch_size, each = cutting
    chunk_frames = checked(Count, chunk_frames, "chunk_frames")
    batch_size = checked(Count, batch_size, "batch_size")
    if context_frames is not None:
        context_frames = checked(CountOrZero, context_frames, "context_frames")
    run.seeds(len(mel))
    context = context_of(model, run)
    context = context if context_frames is None else context_frames
    groups = grouped(cut(mel.shape[2], chunk_frames, context), batch_size)

    def made(group: list[Span]) -> list[WavePiece]:
        mels = torch.cat([mel[..., span.first : span.last] for span in group])
        return made_of(model, mels, group, run)

    return chain.from_iterable(each(made, groups))


@torch.no_grad()
def made_of(
    model: Model, mels: Float[Tensor, "spans_times_batch n_mels _"], spans: Sequence[Span], run: Run
) -> list[WavePiece]:
    """The sounds of spans of equal length, cut to the parts that are kept.

    Args:
        model: A model with a mel.
        mels: Frames of all spans, (spans x batch, n_mels, frames).
        spans: Places of the spans in the whole.
        run: The run of the whole.
    """
    batch, hop_length = len(mels) // len(spans), model.config.hop_length
    seeds = run.seeds(batch)
    offsets = [span.first * hop_length for span in spans for _ in seeds]
    part = replace(run, seed=seeds * len(spans))
    waves = model.make({"mel": mels}, mels.shape[2] * hop_length, part, offsets)
    parts = zip(spans, waves.split(batch), strict=True)
    return [span.kept(wave, hop_length) for span, wave in parts]

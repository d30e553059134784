"""The endless sequence of training crops, each a pure function of the seed and its position.

As item k depends on (seed, k) alone, training resumes exactly by asking for the next k, and
processes share the work by asking for different k; no state needs to be saved or sent.
"""

import math
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Annotated, NamedTuple

import numpy as np
import soxr
import torch
from jaxtyping import Float
from pydantic import Field, field_validator

from audiodiff._types import Condition, Wave
from audiodiff.conditioning.parts import joined
from audiodiff.config import Config, Count
from audiodiff.data.clips import Clips, Source
from audiodiff.errors import AudiodiffError

N_AHEAD = 4
"""Batches that are prepared in advance."""


Decibels = Annotated[float, Field(ge=-200, le=200)]
"""A level or a change of one; beyond, powers of ten are not the numbers of any sound."""


class Augment(Config):
    """Random changes that are made to crops.

    Attributes:
        gain_db: Least and greatest random gain, in dB; (0, 0) keeps levels.
        speed: Greatest fraction by which crops are resampled to be faster and higher, or slower
            and lower.
        flip: Whether half of the crops, at random, have the signs of their samples changed.
        noise_db: Least and greatest level of white noise added to a crop before its gain, in dB of
            full scale (RMS); None adds none.
        start_every: Number of samples of which the first sample of a crop is a multiple: 1 allows
            any shift in time, the mel's hop keeps the frames of the whole clip.
    """

    gain_db: tuple[Decibels, Decibels] = (0.0, 0.0)
    speed: float = Field(default=0.0, ge=0, le=0.5)
    flip: bool = False
    noise_db: tuple[Decibels, Decibels] | None = None
    start_every: Count = 1

    @field_validator("gain_db", "noise_db")
    @classmethod
    def _rising(cls, decibels: tuple[float, float] | None) -> tuple[float, float] | None:
        if decibels is not None and not decibels[0] <= decibels[1]:
            raise ValueError("give the least level first, then the greatest")
        return decibels


AS_IT_IS = Augment()
"""Crops without changes."""


class Crops(NamedTuple):
    """Items of the training sequence.

    Attributes:
        wave: (batch, samples).
        cond: What goes with the crops beside their sound: predicted mels, labels, texts.
    """

    wave: Wave
    cond: Condition


def crop_batch(
    source: Source,
    *,
    seed: int,
    start: int,
    batch_size: int,
    n_samples: int,
    augment: Augment = AS_IT_IS,
) -> Crops:
    """Items ``start`` to ``start + batch_size - 1`` of the training sequence.

    Item k depends on (seed, k) and the source alone, not on its batch. These are drawn:

    - its clip, with a probability proportional to the number of multiples of ``start_every`` in it,
      so that every second of sound is heard equally often; clips that are shorter than
      ``start_every`` are each as probable;
    - its speed, uniformly;
    - its first sample, uniformly among the multiples of ``start_every`` (and of the hop where
      clips have mels) that leave the crop inside the clip; a shorter clip is taken whole, with
      zeros after it;
    - its gain, uniformly in dB, but limited so that its peak stays within full scale;
    - the phrasing of its text, if it has several.

    Args:
        source: Clips or shards to cut from.
        seed: Seed of the whole sequence; not negative.
        start: Position of the first item in the sequence; not negative.
        batch_size: Number of items.
        n_samples: Length of each item in samples.
        augment: Random changes that are made to the items.

    Raises:
        AudiodiffError: If an argument is out of its range.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import soundfile
        >>> from audiodiff.data.cache import build_cache
        >>> from audiodiff.data.corpus import Clip
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "beep.wav"
        ...     soundfile.write(path, np.sin(0.1 * np.arange(8000)), 16000)
        ...     cache = build_cache([Clip(id="beep", path=path)], 16000, Path(folder) / "cache")
        >>> seventh = crop_batch(
        ...     cache, seed=0, start=7, batch_size=1, n_samples=4096, augment=Augment(speed=0.1)
        ... )
        >>> seventh.wave.shape
        torch.Size([1, 4096])
    """
    _check_least("start", start, 0)
    _check_crops(seed, batch_size, n_samples)
    items = range(start, start + batch_size)
    waves, conds = zip(
        *(_item(source.at(k), seed, k, n_samples, augment) for k in items), strict=True
    )
    return Crops(torch.from_numpy(np.stack(waves)), joined(conds))


class CropLoader:
    """Batches of the training sequence, prepared in advance in the background.

    Batch i holds the items from ``first + i * stride`` on. A single process that has taken
    ``step`` steps uses ``first = step * batch_size`` and ``stride = batch_size``. Of W processes,
    process r uses ``first = (step * W + r) * batch_size`` and ``stride = W * batch_size``; together
    they draw exactly what one process with W times the batch size would. Iteration never ends; use
    the loader as a context manager, or call `close`. Errors in the background are raised by
    ``next``.

    Args:
        source: Clips or shards to cut from.
        seed: Seed of the whole sequence; not negative.
        batch_size: Number of items in a batch.
        n_samples: Length of each item in samples.
        augment: Random changes that are made to the items.
        first: Position in the sequence of the first batch's first item.
        stride: Number of items from the start of one batch to the start of the next.

    Raises:
        AudiodiffError: If an argument is out of its range.
    """

    def __init__(
        self,
        source: Source,
        seed: int,
        batch_size: int,
        n_samples: int,
        augment: Augment,
        first: int,
        stride: int,
    ):
        _check_least("first", first, 0)
        _check_crops(seed, batch_size, n_samples)
        if stride < batch_size:
            raise AudiodiffError(
                f"stride={stride} is less than batch_size={batch_size}, so batches would share "
                "items; give batch_size times the number of processes"
            )
        self.source, self.seed, self.batch_size = source, seed, batch_size
        self.n_samples, self.augment = n_samples, augment
        self._next, self._stride = first, stride
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="crops")
        self._ahead: deque[Future[Crops]] = deque()

    def __iter__(self) -> "CropLoader":
        return self

    def __next__(self) -> Crops:
        while len(self._ahead) < N_AHEAD:
            self._ahead.append(self._executor.submit(self._load, self._next))
            self._next += self._stride
        return self._ahead.popleft().result()

    def __enter__(self) -> "CropLoader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the background thread and drops the batches prepared in advance."""
        self._executor.shutdown(cancel_futures=True)

    def _load(self, start: int) -> Crops:
        return crop_batch(
            self.source,
            seed=self.seed,
            start=start,
            batch_size=self.batch_size,
            n_samples=self.n_samples,
            augment=self.augment,
        )


def _item(
    clips: Clips, seed: int, k: int, n_samples: int, augment: Augment
) -> tuple[Float[np.ndarray, " n_samples"], Condition]:
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, k))))
    # A start drawn from all falls into a clip with the probability of its share of them.
    ends = np.cumsum(-(-clips.lengths // augment.start_every))
    i = int(np.searchsorted(ends, rng.integers(ends[-1]), side="right"))
    speed = 1 + augment.speed * rng.uniform(-1, 1) if augment.speed else 1.0
    n_source = math.ceil(n_samples * speed)
    every = math.lcm(clips.hop_length, augment.start_every)
    latest = max(0, int(clips.lengths[i]) - n_source) // every
    start = int(rng.integers(latest, endpoint=True)) * every
    gain = 10 ** (rng.uniform(*augment.gain_db) / 20)
    wave = clips.crop(i, start, n_source)
    if augment.speed:
        wave = _resized(soxr.resample(wave, speed, 1.0, quality="MQ"), n_samples)
    # Drawn last, so that these changes leave everything else in the sequence as it is.
    if augment.flip and rng.random() < 0.5:
        wave = -wave
    if augment.noise_db is not None:
        level = 10 ** (rng.uniform(*augment.noise_db) / 20)
        wave = wave + np.float32(level) * rng.standard_normal(n_samples, dtype=np.float32)
    peak = float(np.abs(wave).max())
    loud = np.float32(min(gain, 1 / peak) if peak > 0 else gain)
    return wave * loud, clips.condition(i, start, n_samples, rng)


def _resized(wave: Float[np.ndarray, " _"], n_samples: int) -> Float[np.ndarray, " n_samples"]:
    """Cut, or padded with zeros: a resampler may round to one sample less."""
    return np.pad(wave[:n_samples], (0, max(0, n_samples - len(wave))))


def _check_crops(seed: int, batch_size: int, n_samples: int) -> None:
    _check_least("seed", seed, 0)
    _check_least("batch_size", batch_size, 1)
    _check_least("n_samples", n_samples, 1)


def _check_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise AudiodiffError(f"{name}={value} is too small; give at least {least}")

"""The endless sequence of training crops, each a pure function of the seed and its place in it.

Because item k needs nothing but (seed, k), training resumes exactly by asking for the next k, and
processes share the work by asking for different k; neither needs a state to be saved or sent.
"""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np
import torch
from jaxtyping import Float

from audiodiff.data.cache import ClipCache
from audiodiff.errors import AudiodiffError

N_AHEAD = 4


def crop_batch(
    cache: ClipCache,
    *,
    seed: int,
    start: int,
    batch_size: int,
    n_samples: int,
    gain_db: tuple[float, float],
) -> Float[np.ndarray, "batch_size n_samples"]:
    """Items ``start`` to ``start + batch_size - 1`` of the training sequence.

    Item k depends on (seed, k) and the cache alone, whatever batch it comes in. Its clip is drawn
    with a probability proportional to the clip's length, so long and short clips are heard
    equally per second; its first sample uniformly among those that leave the crop inside the clip
    (a shorter clip is taken whole, with zeros after it); its gain uniformly in dB, but no louder
    than full scale.

    Args:
        cache: The clips.
        seed: Of the whole sequence; not negative.
        start: The first item's place in the sequence; not negative.
        batch_size: How many items.
        n_samples: Length of each item.
        gain_db: The least and the greatest gain, in dB; (0, 0) leaves levels alone.

    Raises:
        AudiodiffError: If an argument is out of its range.

    Example:
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
        ...     cache, seed=0, start=7, batch_size=1, n_samples=4096, gain_db=(-6.0, 0.0)
        ... )
        >>> seventh.shape
        (1, 4096)
    """
    _check_least("start", start, 0)
    _check_crops(seed, batch_size, n_samples, gain_db)
    return np.stack([_item(cache, seed, start + i, n_samples, gain_db) for i in range(batch_size)])


class CropLoader:
    """Batches of the training sequence as tensors, prepared a few ahead in the background.

    Batch i holds the items from ``first + i * stride`` on. A single process that has done
    ``step`` steps uses ``first = step * batch_size`` and ``stride = batch_size``; of W processes,
    process r uses ``first = (step * W + r) * batch_size`` and ``stride = W * batch_size``, which
    together draw exactly what one process with W times the batch would. Iteration never ends; use
    it as a context manager, or call `close`. What fails in the background is raised by ``next``.

    Args:
        cache: The clips.
        seed: Of the whole sequence; not negative.
        batch_size: Items a batch.
        n_samples: Length of each item.
        gain_db: The least and the greatest gain, in dB.
        first: The place in the sequence of the first batch's first item.
        stride: From one batch's first item to the next one's.

    Raises:
        AudiodiffError: If an argument is out of its range.
    """

    def __init__(
        self,
        cache: ClipCache,
        seed: int,
        batch_size: int,
        n_samples: int,
        gain_db: tuple[float, float],
        first: int,
        stride: int,
    ):
        _check_least("first", first, 0)
        _check_crops(seed, batch_size, n_samples, gain_db)
        if stride < batch_size:
            raise AudiodiffError(
                f"stride={stride} is less than batch_size={batch_size}, so batches would share "
                "items; give batch_size times the number of processes"
            )
        self.cache, self.seed, self.batch_size = cache, seed, batch_size
        self.n_samples, self.gain_db = n_samples, gain_db
        self._next, self._stride = first, stride
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="crops")
        self._ahead: deque[Future[Float[torch.Tensor, "batch n_samples"]]] = deque()

    def __iter__(self) -> "CropLoader":
        return self

    def __next__(self) -> Float[torch.Tensor, "batch n_samples"]:
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
        """Ends the background thread; batches not asked for yet are dropped."""
        self._executor.shutdown(cancel_futures=True)

    def _load(self, start: int) -> Float[torch.Tensor, "batch n_samples"]:
        batch = crop_batch(
            self.cache,
            seed=self.seed,
            start=start,
            batch_size=self.batch_size,
            n_samples=self.n_samples,
            gain_db=self.gain_db,
        )
        return torch.from_numpy(batch)


def _item(
    cache: ClipCache, seed: int, k: int, n_samples: int, gain_db: tuple[float, float]
) -> Float[np.ndarray, " n_samples"]:
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, k))))
    # A sample drawn from all samples falls into a clip with the probability of its length.
    sample = rng.integers(cache.n_samples)
    i = int(np.searchsorted(cache.offsets, sample, side="right")) - 1
    start = int(rng.integers(max(0, int(cache.lengths[i]) - n_samples), endpoint=True))
    gain = 10 ** (rng.uniform(*gain_db) / 20)
    wave = cache.crop(i, start, n_samples)
    peak = float(np.abs(wave).max())
    return wave * np.float32(min(gain, 1 / peak) if peak > 0 else gain)


def _check_crops(seed: int, batch_size: int, n_samples: int, gain_db: tuple[float, float]) -> None:
    _check_least("seed", seed, 0)
    _check_least("batch_size", batch_size, 1)
    _check_least("n_samples", n_samples, 1)
    if not gain_db[0] <= gain_db[1]:
        raise AudiodiffError(
            f"gain_db={gain_db} is no range; give the least gain first, then the greatest"
        )


def _check_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise AudiodiffError(f"{name}={value} is too small; give at least {least}")

from pathlib import Path

import pytest
from noise_clips import RATE, write

from audiodiff.data.cache import ClipCache, build_cache
from audiodiff.data.corpus import Clip


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    lengths = [1000, 3000, 200, 4000]
    return [write(tmp_path / f"c{i}.wav", n, seed=i) for i, n in enumerate(lengths)]


@pytest.fixture
def cache(clips: list[Clip], tmp_path: Path) -> ClipCache:
    return build_cache(clips, RATE, tmp_path / "cache" / "clips.pcm")

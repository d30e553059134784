"""Clips decoded once, in one file."""

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from noise_clips import RATE, write

from audiodiff.data.cache import ClipCache, build_cache
from audiodiff.data.corpus import Clip
from audiodiff.errors import AudiodiffError


def test_cache_keeps_16_bit_samples_exactly(cache: ClipCache, clips: list[Clip]) -> None:
    assert cache.ids == ("c0", "c1", "c2", "c3")
    assert cache.lengths.tolist() == [1000, 3000, 200, 4000]
    assert cache.duration == 8200 / RATE
    assert cache.notes == ()
    for i, clip in enumerate(clips):
        wave, _ = soundfile.read(clip.path, dtype="float32")
        assert cache.wave(i).dtype == np.float32
        np.testing.assert_array_equal(cache.wave(i), wave)


def test_cache_resamples_and_mixes_to_mono(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / (2 * RATE))
    soundfile.write(tmp_path / "a.wav", np.stack([tone, 0 * tone], axis=1), 2 * RATE)
    cache = build_cache([Clip(id="a", path=tmp_path / "a.wav")], RATE, tmp_path / "cache")
    expected = 0.25 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    np.testing.assert_allclose(cache.wave(0)[100:-100], expected[100:-100], atol=1e-4)


def test_cache_counts_what_it_clips(tmp_path: Path) -> None:
    wave = np.array([0.0, 1.5, 1.0, -1.0, -2.0], dtype=np.float32)
    soundfile.write(tmp_path / "a.wav", wave, RATE, subtype="FLOAT")
    cache = build_cache([Clip(id="a", path=tmp_path / "a.wav")], RATE, tmp_path / "cache")
    np.testing.assert_allclose(cache.wave(0), [0, 1, 1, -1, -1], atol=1 / 32768)
    assert cache.notes == ("2 samples exceeded full scale and were clipped",)


def test_crop_is_a_part_of_the_clip_with_zeros_after_its_end(cache: ClipCache) -> None:
    np.testing.assert_array_equal(cache.crop(1, 50, 300), cache.wave(1)[50:350])
    late = cache.crop(0, 900, 300)
    np.testing.assert_array_equal(late[:100], cache.wave(0)[900:])
    assert not late[100:].any()
    for start in (-1, 1000):
        with pytest.raises(AudiodiffError, match=f"start={start} lies outside clip c0 of 1000"):
            cache.crop(0, start, 10)


def test_unreadable_clips_are_named_also_by_a_reused_cache(
    clips: list[Clip], tmp_path: Path
) -> None:
    (tmp_path / "torn.wav").write_bytes(b"RIFF, and then nothing")
    nan = np.full(10, np.nan, dtype=np.float32)
    soundfile.write(tmp_path / "nan.wav", nan, RATE, subtype="FLOAT")
    write(tmp_path / "tick.wav", 1, rate=8 * RATE)
    names = ["torn", "nan", "gone", "tick"]
    bad = [Clip(id=name, path=tmp_path / f"{name}.wav") for name in names]
    seen: list[Clip] = []
    for _ in range(2):
        cache = build_cache([*bad, *clips], RATE, tmp_path / "cache", on_clip=seen.append)
        assert cache.ids == ("c0", "c1", "c2", "c3")
        assert list(cache.skipped) == names
        assert "NaN or infinity in 10 of 10" in cache.skipped["nan"]
        assert [note.split()[1] for note in cache.notes] == names
    assert seen == [*bad, *clips]
    with pytest.raises(AudiodiffError, match=r"none of the 4 clips can be read.*torn\.wav"):
        build_cache(bad, RATE, tmp_path / "other")


def test_cache_is_rebuilt_exactly_when_the_sources_or_the_rate_changed(
    clips: list[Clip], tmp_path: Path
) -> None:
    def n_decoded(wanted: list[Clip], rate: int = RATE) -> int:
        seen: list[Clip] = []
        cache = build_cache(wanted, rate, tmp_path / "cache", on_clip=seen.append)
        assert cache.ids == tuple(clip.id for clip in wanted)
        assert cache.sample_rate == rate
        return len(seen)

    assert n_decoded(clips) == 4
    assert n_decoded(clips) == 0
    assert n_decoded(clips[:3]) == 3
    assert n_decoded(clips[:3], rate=4000) == 3
    stat = clips[0].path.stat()
    os.utime(clips[0].path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert n_decoded(clips[:3], rate=4000) == 3
    assert n_decoded(clips[:3], rate=4000) == 0


def test_a_killed_build_leaves_nothing_half_valid(clips: list[Clip], tmp_path: Path) -> None:
    path = tmp_path / "cache"

    def die(clip: Clip) -> None:
        if clip.id == "c2":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_cache(clips, RATE, path, on_clip=die)
    assert (tmp_path / "cache.partial").exists()
    with pytest.raises(AudiodiffError, match="not a finished clip cache"):
        ClipCache(path)
    whole = build_cache(clips, RATE, path)
    assert whole.lengths.tolist() == [1000, 3000, 200, 4000]
    assert not list(tmp_path.glob("*.partial"))

    with pytest.raises(KeyboardInterrupt):
        build_cache(clips[1:], RATE, path, on_clip=die)
    np.testing.assert_array_equal(ClipCache(path).wave(3), whole.wave(3))


DAMAGES = {
    "truncated samples": lambda path, index: path.write_bytes(path.read_bytes()[:-2]),
    "truncated index": lambda path, index: index.write_text(index.read_text()[:-2]),
    "a line less": lambda path, index: index.write_text(index.read_text().split("\n", 1)[1]),
    "foreign index": lambda path, index: index.write_text(json.dumps({"version": 99})),
    "deep index": lambda path, index: index.write_text("[" * 10_000),
    "long number": lambda path, index: index.write_text(
        index.read_text().replace(":8000", f":8{'0' * 10_000}")
    ),
    "length below 0": lambda path, index: index.write_text(
        index.read_text().replace(":200,", ":-200,").replace(":4000,", ":4400,")
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_built_anew(clips: list[Clip], tmp_path: Path, damage: str) -> None:
    path, index = tmp_path / "cache", tmp_path / "cache.jsonl"
    build_cache(clips, RATE, path)
    before = path.read_bytes(), index.read_bytes()
    DAMAGES[damage](path, index)
    assert (path.read_bytes(), index.read_bytes()) != before
    with pytest.raises(AudiodiffError, match="not a finished clip cache"):
        ClipCache(path)
    assert len(build_cache(clips, RATE, path).wave(3)) == 4000


def test_builders_at_once_share_one_build(clips: list[Clip], tmp_path: Path) -> None:
    decoded: list[Clip] = []
    threads = [
        threading.Thread(target=build_cache, args=(clips, RATE, tmp_path / "cache", decoded.append))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert decoded == clips
    assert ClipCache(tmp_path / "cache").n_samples == 8200


def test_cache_refuses_a_place_it_cannot_write(clips: list[Clip], tmp_path: Path) -> None:
    with pytest.raises(AudiodiffError, match="cannot write the clip cache"):
        build_cache(clips, RATE, clips[0].path / "cache")
    with pytest.raises(AudiodiffError, match="is a folder; name a file"):
        build_cache(clips, RATE, tmp_path)
    with pytest.raises(AudiodiffError, match="no clips to put into"):
        build_cache([], RATE, tmp_path / "cache")

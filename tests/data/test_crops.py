"""What a step of training hears."""

import itertools
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from noise_clips import RATE, write

from audiodiff.data.cache import ClipCache, build_cache
from audiodiff.data.corpus import Clip
from audiodiff.data.crops import AS_IT_IS, Augment, CropLoader, crop_batch
from audiodiff.errors import AudiodiffError

GAINS = Augment(gain_db=(-12.0, 6.0))


def crops(
    cache: ClipCache,
    start: int = 0,
    batch_size: int = 8,
    seed: int = 1,
    n_samples: int = 256,
    augment: Augment = GAINS,
) -> np.ndarray:
    return crop_batch(
        cache,
        seed=seed,
        start=start,
        batch_size=batch_size,
        n_samples=n_samples,
        augment=augment,
    ).wave.numpy()


def loader(cache: ClipCache, batch_size: int, first: int, stride: int) -> CropLoader:
    return CropLoader(cache, 1, batch_size, 256, GAINS, first=first, stride=stride)


def test_crops_do_not_depend_on_how_they_are_batched(cache: ClipCache) -> None:
    whole = crops(cache, 0, 32)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(np.concatenate([crops(cache, k, 1) for k in range(32)]), whole)
    assert len(np.unique(whole, axis=0)) == 32
    assert not np.array_equal(crops(cache, 0, 32, seed=2), whole)


def test_two_processes_draw_what_one_draws(cache: ClipCache) -> None:
    with (
        loader(cache, 8, 0, 8) as one,
        loader(cache, 4, 0, 8) as rank0,
        loader(cache, 4, 4, 8) as rank1,
    ):
        for whole, *parts in itertools.islice(zip(one, rank0, rank1, strict=True), 10):
            assert torch.equal(torch.cat([part.wave for part in parts]), whole.wave)


def test_a_resumed_loader_continues_the_sequence(cache: ClipCache) -> None:
    with loader(cache, 4, 0, 4) as uninterrupted, loader(cache, 4, 5 * 4, 4) as resumed:
        batches = list(itertools.islice(uninterrupted, 9))
        assert batches[0].wave.dtype == torch.float32
        assert batches[0].cond == {}
        for expected in batches[5:]:
            assert torch.equal(next(resumed).wave, expected.wave)


def test_every_second_of_audio_is_equally_likely(cache: ClipCache) -> None:
    # Clips of 1000, 3000, 200 and 4000 random samples: two of them tell which it is.
    n_crops = 4000
    pairs = crops(cache, 0, n_crops, n_samples=2, augment=AS_IT_IS).tolist()
    clip_of = {pair: i for i in range(4) for pair in itertools.pairwise(cache.wave(i).tolist())}
    counts = Counter(clip_of[tuple(pair)] for pair in pairs)
    expected = n_crops * cache.lengths / cache.n_samples
    deviation = np.sqrt(expected * (1 - expected / n_crops))
    assert (np.abs(np.array([counts[i] for i in range(4)]) - expected) < 4 * deviation).all()


def test_clips_with_one_start_are_equally_likely(cache: ClipCache) -> None:
    # Spoken words of a label: were longer ones drawn more often, more of them would be made.
    n_crops = 2000
    batch = crops(cache, 0, n_crops, n_samples=2, augment=Augment(start_every=5000))
    firsts = [tuple(cache.crop(i, 0, 2).tolist()) for i in range(4)]
    counts = Counter(map(tuple, batch.tolist()))
    assert set(counts) == set(firsts)
    assert all(
        abs(count - n_crops / 4) < 4 * (n_crops * 3 / 16) ** 0.5 for count in counts.values()
    )


def test_crops_start_anywhere_in_the_clip(tmp_path: Path) -> None:
    ramp = np.arange(12, dtype=np.int16)
    soundfile.write(tmp_path / "ramp.wav", ramp, RATE)
    cache = build_cache([Clip(id="r", path=tmp_path / "ramp.wav")], RATE, tmp_path / "cache")
    batch = crops(cache, 0, 200, n_samples=10, augment=AS_IT_IS) * 32768
    assert set(batch[:, 0]) == {0, 1, 2}
    assert set(batch[:, -1]) == {9, 10, 11}
    batch = crops(cache, 0, 200, n_samples=4, augment=Augment(start_every=3)) * 32768
    assert set(batch[:, 0]) == {0, 3, 6}


def test_a_short_clip_is_taken_whole_with_zeros_after_it(tmp_path: Path) -> None:
    clip = write(tmp_path / "short.wav", 100)
    cache = build_cache([clip], RATE, tmp_path / "cache")
    for crop in crops(cache, n_samples=150, augment=AS_IT_IS):
        np.testing.assert_array_equal(crop[:100], cache.wave(0))
        assert not crop[100:].any()


def test_gains_fill_their_range_and_never_clip(tmp_path: Path) -> None:
    def levels_db(level: float) -> np.ndarray:
        path = tmp_path / f"{level}.wav"
        soundfile.write(path, np.full(100, level), RATE)
        cache = build_cache([Clip(id="flat", path=path)], RATE, tmp_path / f"{level}.pcm")
        batch = crops(cache, 0, 400, n_samples=50, augment=Augment(gain_db=(-6.0, 6.0)))
        return 20 * np.log10(batch[:, 0])

    quiet = levels_db(0.125) - 20 * np.log10(0.125)
    assert -6.001 < quiet.min() < -5.8
    assert 5.8 < quiet.max() < 6.001
    assert abs(quiet.mean()) < 0.7
    np.testing.assert_allclose(
        levels_db(0.75), np.minimum(quiet + 20 * np.log10(0.75), 0), atol=1e-3
    )
    assert levels_db(0.75).max() <= 0


def written_sine(path: Path, hertz: float) -> ClipCache:
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * hertz * np.arange(3 * RATE) / RATE), RATE)
    return build_cache([Clip(id="sine", path=path)], RATE, path.with_suffix(".pcm"))


def test_speed_moves_a_sines_frequency_within_its_range(tmp_path: Path) -> None:
    cache = written_sine(tmp_path / "sine.wav", 1000)
    batch = crops(cache, 0, 100, n_samples=RATE, augment=Augment(speed=0.1))
    assert batch.shape == (100, RATE)
    assert batch.dtype == np.float32
    # One second, so that bins are 1 Hz apart.
    spectrum = np.abs(np.fft.rfft(batch * np.hanning(RATE), axis=1))
    hertz = spectrum.argmax(1)
    assert 899 <= hertz.min() < 905
    assert 1095 < hertz.max() <= 1101
    assert abs(hertz.mean() - 1000) < 20
    # A sine and nothing else: all that the resampler adds is under -60 dB.
    for row, peak in zip(spectrum, hertz, strict=True):
        assert np.delete(row, range(peak - 30, peak + 31)).max() < 1e-3 * row.max()


def test_crops_of_any_speed_keep_their_length_and_their_sound(tmp_path: Path) -> None:
    cache = written_sine(tmp_path / "sine.wav", 1000)
    for speed in (0.001, 0.03, 0.5):
        for n_samples in (1, 2, 255, 1000):
            batch = crops(cache, 0, 16, n_samples=n_samples, augment=Augment(speed=speed))
            assert batch.shape == (16, n_samples)
    # Nowhere in the clip is there a silence, so there is none in a crop, not at its end either.
    assert (np.abs(batch.reshape(16, -1, 50)).max(-1) > 0.4).all()


def test_crops_of_another_speed_do_not_depend_on_how_they_are_batched(cache: ClipCache) -> None:
    augment = Augment(gain_db=(-12.0, 6.0), speed=0.2)
    whole = crops(cache, 0, 16, augment=augment)
    alone = np.concatenate([crops(cache, k, 1, augment=augment) for k in range(16)])
    np.testing.assert_array_equal(alone, whole)
    assert not np.array_equal(whole, crops(cache, 0, 16))


def test_without_speed_the_sequence_is_what_it_was_before_there_was_speed(
    cache: ClipCache,
) -> None:
    # A change would part a resumed run from its own past.
    for k, crop in enumerate(crops(cache, 0, 16)):
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((1, k))))
        i = np.searchsorted(cache.lengths.cumsum(), rng.integers(cache.n_samples), side="right")
        start = rng.integers(max(0, cache.lengths[i] - 256), endpoint=True)
        gain = 10 ** (rng.uniform(-12, 6) / 20)
        expected = cache.crop(int(i), int(start), 256)
        expected = expected * np.float32(min(gain, 1 / np.abs(expected).max()))
        np.testing.assert_array_equal(crop, expected)


def test_every_other_crop_is_flipped_and_nothing_else_of_it_changes(cache: ClipCache) -> None:
    plain, flipped = (
        crops(cache, 0, 200),
        crops(cache, 0, 200, augment=Augment(gain_db=GAINS.gain_db, flip=True)),
    )
    same = (plain == flipped).all(1)
    np.testing.assert_array_equal(flipped[~same], -plain[~same])
    assert 70 < same.sum() < 130


def test_noise_is_white_and_has_the_levels_that_are_asked_for(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    clip = Clip(id="silent", path=tmp_path / "silent.wav")
    cache = build_cache([clip], RATE, tmp_path / "cache")
    batch = crops(cache, 0, 200, n_samples=4000, augment=Augment(noise_db=(-80.0, -60.0)))
    levels = 10 * np.log10(np.square(batch.astype(np.float64)).mean(1))
    assert -80.3 < levels.min() < -79
    assert -61 < levels.max() < -59.7
    halves = np.abs(np.fft.rfft(batch / batch.std(1, keepdims=True), axis=1)) ** 2
    assert abs(halves[:, 1:1000].mean() / halves[:, 1000:2000].mean() - 1) < 0.02


def test_silence_stays_silent(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(300), RATE)
    clip = Clip(id="silent", path=tmp_path / "silent.wav")
    assert not crops(build_cache([clip], RATE, tmp_path / "cache")).any()


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        ({"seed": -1}, "seed=-1 is too small"),
        ({"start": -1}, "start=-1 is too small"),
        ({"batch_size": 0}, "batch_size=0 is too small; give at least 1"),
        ({"n_samples": 0}, "n_samples=0 is too small"),
    ],
)
def test_crops_refuse_what_is_out_of_range(cache: ClipCache, faulty: dict, message: str) -> None:
    with pytest.raises(AudiodiffError, match=message):
        crops(cache, **faulty)


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        ({"gain_db": (1.0, -1.0)}, "gain_db: value error, give the least level first"),
        ({"noise_db": (-40.0, -80.0)}, "noise_db: value error, give the least level first"),
        ({"speed": -0.1}, "speed: input should be greater than or equal to 0"),
        ({"speed": 0.6}, "speed: input should be less than or equal to 0.5"),
        ({"start_every": 0}, "start_every: input should be greater than 0"),
    ],
)
def test_augmentation_refuses_what_is_out_of_range(faulty: dict, message: str) -> None:
    with pytest.raises(AudiodiffError, match=message):
        Augment.parse(faulty, "data")


def test_loader_refuses_what_is_out_of_range(cache: ClipCache) -> None:
    with pytest.raises(AudiodiffError, match="first=-1 is too small"):
        loader(cache, 4, -1, 4)
    with pytest.raises(AudiodiffError, match="stride=3 is less than batch_size=4"):
        loader(cache, 4, 0, 3)


def test_loader_ends_its_thread(cache: ClipCache) -> None:
    before = threading.active_count()
    with loader(cache, 4, 0, 4) as batches:
        next(batches)
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_loader_raises_what_failed_in_its_thread(
    cache: ClipCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(i: int, start: int, n_samples: int) -> np.ndarray:
        raise OSError("the disk is gone")

    monkeypatch.setattr(cache, "crop", fail)
    with loader(cache, 4, 0, 4) as batches, pytest.raises(OSError, match="the disk is gone"):
        next(batches)

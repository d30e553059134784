import itertools
import json
import os
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from audiodiff.data.cache import ClipCache, build_cache
from audiodiff.data.corpus import Clip, Corpus, read_corpus
from audiodiff.data.crops import AS_IT_IS, Augment, CropLoader, crop_batch
from audiodiff.errors import AudiodiffError

RATE = 8000
GAINS = Augment(gain_db=(-12.0, 6.0))


def write(path: Path, n_samples: int, seed: int = 0, rate: int = RATE) -> Clip:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = np.random.default_rng(seed).uniform(-0.5, 0.5, n_samples)
    soundfile.write(path, wave, rate)
    return Clip(id=path.stem, path=path)


def write_ljspeech(folder: Path, ids: list[str], **lists: list[str]) -> Path:
    for id_ in ids:
        write(folder / "wavs" / f"{id_}.wav", 100)
    (folder / "metadata.csv").write_text("".join(f"{id_}|Some text|more\n" for id_ in ids))
    for split, names in lists.items():
        (folder / f"{split}.txt").write_text("\n".join(names))
    return folder


def ids_of(clips: tuple[Clip, ...]) -> list[str]:
    return [clip.id for clip in clips]


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    lengths = [1000, 3000, 200, 4000]
    return [write(tmp_path / f"c{i}.wav", n, seed=i) for i, n in enumerate(lengths)]


@pytest.fixture
def cache(clips: list[Clip], tmp_path: Path) -> ClipCache:
    return build_cache(clips, RATE, tmp_path / "cache" / "clips.pcm")


def test_corpus_reads_real_speech(shared: Path) -> None:
    corpus = read_corpus([shared / "data/speech/flemishguy"])
    assert [len(corpus.train), len(corpus.dev), len(corpus.test)] == [655, 10, 20]
    assert corpus.notes == ()
    assert corpus.dev[0].id == "nl_rhasspy_1005_1601817748"
    assert all(clip.path.is_file() for clip in corpus.train + corpus.dev + corpus.test)


def test_corpus_of_two_folders_has_the_clips_of_each_under_its_name(tmp_path: Path) -> None:
    ann = write_ljspeech(tmp_path / "ann", ["a", "b"], train=["a"], dev=["b"])
    bob = write_ljspeech(tmp_path / "bob", ["a", "b"], train=["b"], dev=["a"])
    corpus = read_corpus([ann, bob])
    assert ids_of(corpus.train) == ["ann/a", "bob/b"]
    assert ids_of(corpus.dev) == ["ann/b", "bob/a"]


def test_corpus_of_a_plain_folder_is_every_audio_file_below_it(tmp_path: Path) -> None:
    for name in ("z.FLAC", "deep/er/a.b.wav", "y.ogg"):
        write(tmp_path / "in" / name, 100)
    (tmp_path / "in" / "cover.jpg").write_bytes(b"")
    corpus = read_corpus([tmp_path / "in"])
    assert sorted(ids_of(corpus.train + corpus.dev)) == ["deep/er/a.b", "y", "z"]


def test_corpus_names_listed_ids_without_a_file_and_counts_unlisted_files(tmp_path: Path) -> None:
    folder = write_ljspeech(
        tmp_path / "in", ["a", "b", "c", "d"], train=["a", "gone"], dev=["b", "lost"]
    )
    corpus = read_corpus([folder])
    assert ids_of(corpus.train) == ["a"]
    assert ids_of(corpus.dev) == ["b"]
    assert [note.removeprefix(str(folder)) for note in corpus.notes] == [
        "/train.txt lists 1 id without a file: 'gone'",
        "/dev.txt lists 1 id without a file: 'lost'",
        ": 2 clips unused, as not in train.txt or dev.txt",
    ]


def test_corpus_without_train_list_trains_on_the_rest_of_the_metadata(tmp_path: Path) -> None:
    folder = write_ljspeech(tmp_path / "in", ["a", "b", "c"], dev=["b"], test=["c"])
    write(folder / "wavs" / "rejected.wav", 100)
    corpus = read_corpus([folder])
    assert ids_of(corpus.train) == ["a"]
    assert ids_of(corpus.test) == ["c"]
    assert "1 clip unused, as not in dev.txt or test.txt or metadata.csv" in corpus.notes[0]


@pytest.mark.parametrize(("n_clips", "n_dev"), [(2, 1), (100, 2), (3000, 32)])
def test_hold_out_has_its_size_and_is_told(tmp_path: Path, n_clips: int, n_dev: int) -> None:
    corpus = empty_files(tmp_path / "in", n_clips)
    assert len(corpus.dev) == n_dev
    assert len(corpus.train) == n_clips - n_dev
    assert not set(corpus.dev) & set(corpus.train)
    assert f"no dev.txt: {n_dev} training clip" in corpus.notes[0]


def test_hold_out_is_the_same_on_every_machine(tmp_path: Path) -> None:
    # A change would move validation clips of existing runs into training.
    assert ids_of(empty_files(tmp_path / "in", 100).dev) == ["clip29", "clip47"]
    (tmp_path / "beside").mkdir()
    write_ljspeech(tmp_path / "beside", ["a", "b"], dev=["a"])
    both = read_corpus([tmp_path / "in", tmp_path / "beside"])
    assert ids_of(both.dev) == ["in/clip29", "in/clip47", "beside/a"]


def empty_files(folder: Path, n_clips: int) -> Corpus:
    folder.mkdir()
    for i in range(n_clips):
        (folder / f"clip{i}.wav").touch()
    return read_corpus([folder])


def test_corpus_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    def refused(message: str, *folders: Path) -> None:
        with pytest.raises(AudiodiffError, match=message):
            read_corpus(folders)

    refused("at least one folder")
    refused("nowhere does not exist", tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    refused(r"no audio in .*bare.*\.flac, \.mp3, \.ogg, \.wav", tmp_path / "bare")
    refused(
        "lists 'b' in more than one of train.txt, test.txt",
        write_ljspeech(tmp_path / "twice", ["a", "b"], train=["a", "b"], test=["b"]),
    )
    refused(
        "leaves no clip to train on.* such as 'a'",
        write_ljspeech(tmp_path / "suffixed", ["a"], train=["a.wav"]),
    )
    refused("only the clip 'a'", write_ljspeech(tmp_path / "single", ["a"]))
    refused("same name 'single'", tmp_path / "single", tmp_path / "single")
    refused("lies in the other", tmp_path / "single", tmp_path / "single" / "wavs")
    write(tmp_path / "single" / "wavs" / "a.flac", 100)
    refused(r"a\.flac and .*a\.wav would both be clip 'a'", tmp_path / "single")
    latin = write_ljspeech(tmp_path / "latin", ["a", "b"])
    (latin / "metadata.csv").write_bytes("a|Fräulein".encode("latin-1"))
    refused("metadata.csv is not in UTF-8", latin)


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


@pytest.mark.parametrize("damage", ["truncated samples", "truncated index", "foreign index"])
def test_a_damaged_cache_is_built_anew(clips: list[Clip], tmp_path: Path, damage: str) -> None:
    path, index = tmp_path / "cache", tmp_path / "cache.json"
    build_cache(clips, RATE, path)
    if damage == "truncated samples":
        path.write_bytes(path.read_bytes()[:-2])
    elif damage == "truncated index":
        index.write_text(index.read_text()[:-2])
    else:
        index.write_text(json.dumps({"version": 99}))
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
        assert batches[0].cond is None
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

import signal
import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from audiodiff.audio.io import AUDIO_SUFFIXES, MAX_HOURS, load, resample, resampled, save
from audiodiff.errors import AudiodiffError


@pytest.fixture
def wave() -> np.ndarray:
    time = np.arange(8000) / 16000
    return (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "error"), [("a.wav", 2**-15), ("a.flac", 2**-15), ("a.ogg", 0.02), ("a.mp3", 0.02)]
)
def test_load_reads_each_format(tmp_path: Path, wave: np.ndarray, name: str, error: float) -> None:
    soundfile.write(tmp_path / name, wave, 16000)
    loaded, rate = load(tmp_path / name)
    assert rate == 16000
    assert loaded.dtype == np.float32
    assert loaded.shape == wave.shape
    # Lossy coders smear the tone's abrupt start and end.
    assert np.abs(loaded - wave)[1000:-1000].max() < error
    assert Path(name).suffix in AUDIO_SUFFIXES


def test_load_folds_channels_to_their_mean(tmp_path: Path, wave: np.ndarray) -> None:
    stereo = np.stack([wave, -0.5 * wave], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, 16000, subtype="FLOAT")
    loaded, _ = load(tmp_path / "a.wav")
    np.testing.assert_allclose(loaded, 0.25 * wave, atol=1e-7)


def test_load_reads_files_longer_than_one_block(tmp_path: Path) -> None:
    ramp = (np.arange(2**20 + 12345) % 1000 / 1000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", ramp, 8000, subtype="FLOAT")
    np.testing.assert_array_equal(load(tmp_path / "a.wav")[0], ramp)


def test_load_resamples_a_tone_to_the_same_tone(tmp_path: Path, wave: np.ndarray) -> None:
    soundfile.write(tmp_path / "a.wav", wave, 16000, subtype="FLOAT")
    loaded, rate = load(tmp_path / "a.wav", sample_rate=22050)
    assert rate == 22050
    assert len(loaded) == 11025
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(11025) / 22050)
    assert np.abs(loaded - expected)[500:-500].max() < 1e-3


def test_resample_is_soxr_hq_and_leaves_the_same_rate_alone(wave: np.ndarray) -> None:
    np.testing.assert_array_equal(
        resample(wave, 16000, 24000), soxr.resample(wave, 16000, 24000, "HQ")
    )
    assert resample(wave, 16000, 16000) is wave
    with pytest.raises(AudiodiffError, match="to_rate=0 is not a rate"):
        resample(wave, 16000, 0)
    with pytest.raises(AudiodiffError, match="2 samples at 48000 Hz, less than one at 8000 Hz"):
        resample(wave[:2], 48000, 8000)


def test_load_names_what_is_wrong_with_a_file(tmp_path: Path, wave: np.ndarray) -> None:
    with pytest.raises(AudiodiffError, match=r"missing\.wav does not exist"):
        load(tmp_path / "missing.wav")
    with pytest.raises(AudiodiffError, match="is a folder"):
        load(tmp_path)
    (tmp_path / "empty.wav").touch()
    with pytest.raises(AudiodiffError, match=r"empty\.wav is empty \(0 bytes\)"):
        load(tmp_path / "empty.wav")
    soundfile.write(tmp_path / "header.wav", wave[:0], 16000)
    with pytest.raises(AudiodiffError, match="a header and no samples"):
        load(tmp_path / "header.wav")
    (tmp_path / "text.wav").write_text("this is not sound, whatever its name says")
    with pytest.raises(AudiodiffError, match=r"text\.wav cannot be read as sound \(.*\); give"):
        load(tmp_path / "text.wav")
    (tmp_path / "samples.raw").write_bytes(wave.tobytes())
    with pytest.raises(AudiodiffError, match="cannot be read as sound"):
        load(tmp_path / "samples.raw")


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3"])
def test_load_never_takes_a_cut_file_for_a_whole_one(tmp_path: Path, suffix: str) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(48000)
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    soundfile.write(whole, noise, 16000)
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    if suffix != ".ogg":
        with pytest.raises(AudiodiffError, match=rf"cut\{suffix}"):
            load(cut)
    else:
        # Its header promises nothing: what is there is read, and nothing is made up.
        assert 0 < len(load(cut)[0]) < len(load(whole)[0])


def test_load_refuses_nan_and_names_the_first(tmp_path: Path, wave: np.ndarray) -> None:
    wave[[77, 100]] = np.nan, np.inf
    soundfile.write(tmp_path / "a.wav", wave, 16000, subtype="FLOAT")
    with pytest.raises(AudiodiffError, match="in 2 of 8000 samples, the first being sample 77"):
        load(tmp_path / "a.wav")


def test_load_refuses_endless_files_before_reading_them(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(int(MAX_HOURS + 1) * 3600), 1)
    with pytest.raises(AudiodiffError, match=r"lasts 7 hours .* limit is 6 hours; split it"):
        load(tmp_path / "a.wav")


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
@pytest.mark.parametrize(("subtype", "bits"), [("PCM_16", 16), ("PCM_24", 24)])
def test_save_then_load_is_within_half_a_step(
    tmp_path: Path, suffix: str, subtype: str, bits: int
) -> None:
    step = 2.0 ** (1 - bits)
    wave = np.random.default_rng(0).uniform(-1, 1 - step, 20000)
    wave[:2] = -1, 1 - step
    path = tmp_path / f"a{suffix}"
    assert save(path, wave, 22050, subtype) == 0
    codes = soundfile.read(path)[0]
    assert np.abs(codes - wave).max() <= step / 2
    loaded, rate = load(path)
    assert rate == 22050
    # Both widths fit float32, so loading loses nothing.
    np.testing.assert_array_equal(loaded, codes)
    assert soundfile.info(path).subtype == subtype


def test_save_does_not_dither_and_repeats(tmp_path: Path, wave: np.ndarray) -> None:
    save(tmp_path / "a.wav", wave, 16000)
    save(tmp_path / "b.wav", wave, 16000)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    save(tmp_path / "c.wav", np.full(100, 0.4 / 32768), 16000)
    assert not load(tmp_path / "c.wav")[0].any()


def test_save_counts_what_it_clips_and_keeps_the_level(tmp_path: Path, wave: np.ndarray) -> None:
    loud = wave.copy()
    loud[:4] = 1.5, -1.25, 1.0, -1.0
    assert save(tmp_path / "a.wav", loud, 16000, "PCM_24") == 2
    step = 2.0**-23
    loaded, _ = load(tmp_path / "a.wav")
    np.testing.assert_array_equal(loaded[:4], np.float32([1 - step, -1, 1 - step, -1]))
    np.testing.assert_allclose(loaded[4:], wave[4:], atol=step)


def test_save_as_float_keeps_every_bit(tmp_path: Path, wave: np.ndarray) -> None:
    loud = 4 * wave
    assert save(tmp_path / "a.wav", loud, 16000, "FLOAT") == 0
    np.testing.assert_array_equal(load(tmp_path / "a.wav")[0], loud)


def test_save_refuses_what_it_cannot_store(tmp_path: Path, wave: np.ndarray) -> None:
    with pytest.raises(AudiodiffError, match=r"ends in '\.mp3'.*use \.wav, \.flac or \.ogg"):
        save(tmp_path / "a.mp3", wave, 16000)
    with pytest.raises(AudiodiffError, match="FLAC holds no subtype='FLOAT'"):
        save(tmp_path / "a.flac", wave, 16000, "FLOAT")
    with pytest.raises(AudiodiffError, match="OGG holds no subtype='PCM_16'; use VORBIS"):
        save(tmp_path / "a.ogg", wave, 16000)
    with pytest.raises(AudiodiffError, match="sample_rate=0"):
        save(tmp_path / "a.wav", wave, 0)
    with pytest.raises(AudiodiffError, match="cannot hold sample_rate=700000"):
        save(tmp_path / "a.flac", wave, 700_000)
    with pytest.raises(AudiodiffError, match="not empty"):
        save(tmp_path / "a.wav", wave[:0], 16000)
    wave[5] = np.inf
    with pytest.raises(AudiodiffError, match=r"in 1 of 8000 samples, .* sample 5 \(inf\)"):
        save(tmp_path / "a.wav", wave, 16000, "FLOAT")
    assert list(tmp_path.iterdir()) == []


def test_save_on_a_full_disk_keeps_the_old_file(tmp_path: Path, wave: np.ndarray) -> None:
    resource = pytest.importorskip("resource")
    save(tmp_path / "a.wav", wave, 16000)
    before = (tmp_path / "a.wav").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The kernel then refuses to write on, as it does when a disk is full.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(
            AudiodiffError, match=r"cannot write .*a\.wav: File too large; free space"
        ):
            save(tmp_path / "a.wav", 0.5 * wave, 16000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "a.wav").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_save_from_two_threads_leaves_one_whole_file(tmp_path: Path, wave: np.ndarray) -> None:
    waves = [wave, -wave]
    threads = [
        threading.Thread(target=save, args=(tmp_path / "a.wav", each, 16000)) for each in waves
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loaded, _ = load(tmp_path / "a.wav")
    assert min(np.abs(loaded - each).max() for each in waves) < 2**-15
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_ctrl_c_while_a_file_is_encoded_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, files = soundfile.SoundFile, []

    def interrupted(file: BytesIO, *args: object) -> soundfile.SoundFile:
        files.append(file)
        return opened(Interrupting(file), *args)

    monkeypatch.setattr(soundfile, "SoundFile", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "a.wav", np.zeros(1000, np.float32), 22050)
    assert [len(file.getvalue()) for file in files] == [2044]
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class Interrupting:
    """A file whose writing is interrupted by Ctrl-C."""

    def __init__(self, file: BytesIO) -> None:
        self.seek, self.read, self.tell, self.file = file.seek, file.read, file.tell, file

    def write(self, data: bytes) -> int:
        signal.raise_signal(signal.SIGINT)
        return self.file.write(data)


@pytest.mark.parametrize("size", [1, 700, 4000])
def test_pieces_are_resampled_as_the_whole(size: int) -> None:
    waves = np.random.default_rng(0).standard_normal((2, 4000)).astype(np.float32)
    pieces = np.split(waves, range(size, 4000, size), axis=1)
    joined = np.concatenate(list(resampled(pieces, 24000, 22050)), 1)
    expected = [resample(wave, 24000, 22050) for wave in waves]
    np.testing.assert_allclose(joined, expected, atol=1e-4)
    assert list(resampled([], 24000, 22050)) == []

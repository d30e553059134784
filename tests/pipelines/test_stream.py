import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from contracts import noise
from small_models import small_config, small_stft_config, untrained

from audiodiff import PRESETS, AudiodiffError, LogMel, Vocoder
from audiodiff.cli.app import main
from audiodiff.pipelines.stream import Pace, mels_of, pace_of, windows


def pieces(x: torch.Tensor, sizes: list[int]) -> Iterator[torch.Tensor]:
    """Parts of x along its last axis, the sizes taken round and round."""
    first = i = 0
    while first < x.shape[-1]:
        yield x[..., first : first + sizes[i % len(sizes)]]
        first, i = first + sizes[i % len(sizes)], i + 1


@pytest.mark.parametrize("config", [small_config(), small_stft_config()], ids=["wave", "stft"])
@pytest.mark.parametrize(
    ("sizes", "sampler"),
    [([1], "dpm++2m"), ([7, 3, 40], "ddim"), ([7, 3, 40], "ddpm"), ([400], "ddpm")],
)
def test_a_stream_is_the_whole(config, sizes, sampler) -> None:
    vocoder = Vocoder(untrained(config), precision="fp32")
    mel = noise(2, 80, 150) - 5
    whole = vocoder(mel, 2, sampler, seed=5)
    context = 2 * vocoder.model.receptive_radius
    latency = 2.2 * context * vocoder.hop_length / vocoder.sample_rate
    made = list(vocoder.stream(pieces(mel, sizes), latency, 2, sampler, seed=5))
    assert len(made) > 1
    torch.testing.assert_close(torch.cat(made, 1), whole, rtol=0, atol=1e-4)


def test_pieces_without_frames_give_no_sound() -> None:
    vocoder = Vocoder(untrained(small_config()))
    mel = noise(2, 80, 30) - 5
    a, none, b = mel[..., :10], mel[..., :0], mel[..., 10:]
    whole = list(vocoder.stream([a, b]))
    for given in ([a, none, b], [none, a, b], [a, b, none, none]):
        made = list(vocoder.stream(given))
        assert torch.equal(torch.cat(made, 1), torch.cat(whole, 1))
    assert list(vocoder.stream([none, none])) == []


def test_sound_comes_as_soon_as_the_latency_says() -> None:
    vocoder = Vocoder(untrained(small_config()))
    given = 0

    def frames() -> Iterator[torch.Tensor]:
        nonlocal given
        for mel in pieces(noise(1, 80, 60) - 5, [1]):
            given += 1
            yield mel

    latency = 20 * 256 / 22050
    made = 0
    for wave in vocoder.stream(frames(), latency + 1e-6, 1):
        made += wave.shape[1] // 256
        # Of the frames before, none is older than the latency.
        assert given - made <= 20 or given == 60
    assert made == 60


def test_memory_does_not_grow() -> None:
    held = []
    pace = Pace(chunk=10, before=6, after=4)
    for mel, span in windows((noise(1, 2, 3) for _ in range(500)), pace):
        assert mel.shape[2] == span.last - span.first <= 20
        held.append(span)
    kept = [(span.keep_first, span.keep_last) for span in held]
    assert kept[0][0] == 0
    assert kept[-1][1] == 1500
    assert all(one[1] == other[0] for one, other in itertools.pairwise(kept))
    assert list(windows([], pace)) == []


@pytest.mark.parametrize("preset", ["hifigan", "tacotron2", "lmnt-wavegrad", "fastdiff"])
@pytest.mark.parametrize("sizes", [[1], [100, 3000], [20000]])
@pytest.mark.parametrize("n_samples", [12000, 12345])
def test_the_mel_of_a_stream_is_that_of_the_whole(preset, sizes, n_samples) -> None:
    log_mel = LogMel(PRESETS[preset])
    wave = 0.1 * noise(2, n_samples)
    whole = log_mel(wave)
    made = torch.cat(list(mels_of(pieces(wave, [s if s > 1 else 37 for s in sizes]), log_mel)), 2)
    assert made.shape == whole.shape
    torch.testing.assert_close(made, whole, rtol=0, atol=1e-5)


def test_what_cannot_be_streamed_is_refused() -> None:
    vocoder = Vocoder(untrained(small_config()))
    with pytest.raises(AudiodiffError, match="latency=0.01 s is less than two frames; give at lea"):
        vocoder.stream([], latency=0.01)
    for latency in (float("inf"), float("nan"), 1e300):
        with pytest.raises(AudiodiffError, match=f"latency={re.escape(str(latency))} s: give at m"):
            vocoder.stream([], latency)
    with pytest.raises(AudiodiffError, match="holds NaN"):
        list(vocoder.stream([torch.full((1, 80, 4), torch.nan)]))
    with pytest.raises(AudiodiffError, match="needs at least"):
        list(mels_of([noise(1, 100)], vocoder.model.log_mel))
    assert list(vocoder.stream([])) == []


def test_the_latency_is_shared() -> None:
    assert pace_of(1.0, 100.0, 10) == Pace(90, 10, 10)
    assert pace_of(1.0, 100.0, 80) == Pace(50, 80, 50)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    untrained(small_config()).save(tmp_path / "model")
    return tmp_path / "model"


def run(model: Path, given: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "audiodiff", "vocode", "--model", str(model), *words]
    return subprocess.run(command, input=given, capture_output=True, check=False)


@pytest.mark.slow
def test_standard_input_is_vocoded_to_standard_output(model: Path) -> None:
    vocoder = Vocoder.from_pretrained(model)
    wave = 0.1 * noise(1, 20000)
    codes = (wave[0] * 32768).round().numpy().astype("<i2")
    mel = vocoder.mel(torch.from_numpy(codes.astype("float32") / 32768)[None])
    words = ("--steps", "2", "--sampler", "ddim", "--seed", "4", "--latency", "0.6")
    expected = (vocoder(mel, 2, "ddim", seed=4)[0] * 32768).round().clamp(-32768, 32767)
    frames = mel[0].T.contiguous().numpy().astype("<f4").tobytes()
    for kind, given in (("mel", frames), ("audio", codes.tobytes())):
        done = run(model, given, "--stream", kind, *words)
        assert done.returncode == 0, done.stderr
        made = torch.frombuffer(bytearray(done.stdout), dtype=torch.int16)
        assert len(made) == len(expected)
        assert (made - expected).abs().max() <= 4


@pytest.mark.parametrize(
    ("words", "given", "message"),
    [
        (["--stream", "mel"], b"12345", "ends 5 bytes into a frame of 80 float32 bands"),
        (["--stream", "nope"], b"", "--stream 'nope' is unknown; choose from mel, audio"),
        (["--stream", "mel", "-o", "out"], b"", "leave files and --out out"),
        (["--stream", "audio"], b"12", "needs at least"),
        (["--stream", "audio"], b"RIFF\x24\0\0\0WAVEfmt ", "begins as a wav file; --stream audio"),
        (["--stream", "audio"], b"fLaC\0\0\0\x22" * 9, "begins as a flac file"),
        (["--stream", "mel", "--preset", "speecht5"], b"", "--stream takes no --preset: it reads"),
        (
            ["--stream", "mel", "--rate", "16000", "--plot", "--overwrite", "--workers", "2"],
            b"",
            "--stream takes no --rate, --plot, --overwrite, --workers:",
        ),
        ([], b"", "give files or folders to vocode and --out, or --stream mel"),
    ],
)
def test_a_bad_stream_is_one_sentence(
    model: Path,
    words: list[str],
    given: bytes,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(sys, "argv", ["audiodiff", "vocode", "--model", str(model), *words])
    (tmp_path / "input").write_bytes(given)
    monkeypatch.setenv("COLUMNS", "200")
    with (tmp_path / "input").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(SystemExit) as stop:
            main()
    assert stop.value.code == 2
    assert message in capfd.readouterr().err

"""Narrow recordings made wide: the given band stays, and there is sound above it."""

import numpy as np
import pytest
import torch
from contracts import noise
from small_models import save_editor

from audiodiff import AudiodiffError, Run, Upsampler
from audiodiff._types import Mel, Wave
from audiodiff.audio.resampling import resample
from audiodiff.pipelines import passages

RATE = 22050


@pytest.fixture(scope="module")
def upsampler(tmp_path_factory: pytest.TempPathFactory) -> Upsampler:
    folder = tmp_path_factory.mktemp("editor")
    save_editor(folder)
    return Upsampler.from_pretrained(folder, precision="fp32")


def band(wave: torch.Tensor, low: float, high: float) -> float:
    """The power of a band."""
    spectrum = np.fft.rfft(wave.double().numpy() * np.hanning(wave.shape[1]))
    hertz = np.fft.rfftfreq(wave.shape[1], 1 / RATE)
    return float((np.abs(spectrum[:, (hertz >= low) & (hertz < high)]) ** 2).sum())


@pytest.mark.parametrize("rate", [6000, 8000, 16000])
@pytest.mark.parametrize("seconds", [60, 1])
def test_the_given_band_stays_to_90_db(
    upsampler: Upsampler, monkeypatch: pytest.MonkeyPatch, rate: int, seconds: int
) -> None:
    monkeypatch.setattr(passages, "SECONDS", seconds)

    def white(mel: Mel, run: Run) -> Wave:
        """What a trained vocoder may make at the most: as much in every band."""
        return noise(len(mel), mel.shape[2] * 256) / 20

    monkeypatch.setattr(upsampler, "sound", white)
    narrow = noise(2, 5 * rate // 2) / 20
    made = upsampler.upsample(narrow, rate, rate / 2)
    assert made.shape == (2, 5 * RATE // 2)
    given = torch.from_numpy(np.stack([resample(x, rate, RATE) for x in narrow.numpy()]))
    kept = 0.95 * rate / 2
    assert band(made - given, 0, kept) < 1e-9 * band(given, 0, kept)
    assert band(made, kept + 300, 11025) > 10 * band(given, kept + 300, 11025)


def test_images_of_a_resampler_make_room(
    upsampler: Upsampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silence(mel: Mel, run: Run) -> Wave:
        return torch.zeros(len(mel), mel.shape[2] * 256)

    monkeypatch.setattr(upsampler, "sound", silence)
    narrow = noise(1, 16000) / 20
    images = torch.zeros(1, 32000)
    images[:, ::2] = 2 * narrow  # 16 kHz, the upper half mirrors the lower one
    made = upsampler.upsample(images, 16000, 4000.0)
    assert band(made, 4200, 11025) < 1e-9 * band(made, 0, 3800)


def test_one_seed_gives_one_sound(upsampler: Upsampler) -> None:
    narrow = noise(1, 8000) / 20
    one, two, three = (upsampler.upsample(narrow, 8000, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)


def test_any_length_will_do(upsampler: Upsampler) -> None:
    for n in (1, 10, 3000):
        made = upsampler.upsample(noise(1, n) / 20, 8000, 4000.0)
        assert made.shape == (1, round(n * RATE / 8000))
        assert torch.isfinite(made).all()
    silent = upsampler.upsample(torch.zeros(1, 8000), 8000, 4000.0)
    assert torch.isfinite(silent).all()


@pytest.mark.parametrize(
    ("wave", "bandwidth", "said"),
    [
        (torch.zeros(8000), 4000.0, r"shape \(8000,\)"),
        (torch.zeros(1, 0), 4000.0, r"shape \(1, 0\)"),
        (torch.full((1, 8000), torch.nan), 4000.0, "NaN or infinity; mend what made it"),
        (torch.zeros(1, 8000), 4500.0, "of 8000 Hz holds nothing above 4000 Hz; give at most that"),
        (torch.zeros(1, 8000), 0.0, "bandwidth=0 is not above 0"),
        (torch.zeros(1, 8000), float("nan"), "bandwidth=nan is not above 0"),
    ],
)
def test_a_wrong_wave_is_one_sentence(
    upsampler: Upsampler, wave: torch.Tensor, bandwidth: float, said: str
) -> None:
    with pytest.raises(AudiodiffError, match=said):
        upsampler.upsample(wave, 8000, bandwidth)

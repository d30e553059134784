"""The watermark: it is found, changes nothing else, and does not depend on how sound is cut."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import signal
from voices import RATE, babble

from audiodiff import AudiodiffError
from audiodiff.audio import io
from audiodiff.provenance import watermark
from audiodiff.provenance.watermark import SURE, add, confidence, marked

EXAMPLE = Path(__file__).parents[2] / "examples/arctic_a0016.wav"


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_a_marked_sound_is_told_from_the_sound(rate: int) -> None:
    wave = io.load(EXAMPLE, rate)[0]
    made = add(wave, rate)
    assert len(made) == len(wave)
    assert made.dtype == np.float32
    assert confidence([made], rate) > SURE > confidence([wave], rate)


def test_it_is_what_perth_adds() -> None:
    wave = io.load(EXAMPLE, 32000)[0]
    wave = wave[: len(wave) // 320 * 320]
    own = watermark._perth()
    folder = Path(sys.modules["perth"].__file__).parent / "perth_net/pretrained/implicit"
    state = torch.load(folder / "perth_net_250000.pth.tar", "cpu", weights_only=True)
    assert all(
        torch.equal(own.perth_net.state_dict()[name], value)
        for name, value in state["model"].items()
    )
    with torch.no_grad():
        theirs = own.apply_watermark(wave, sample_rate=32000)
    np.testing.assert_allclose(add(wave, 32000), theirs, atol=1e-6)


def test_what_lies_above_it_stays() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * 44100).astype(np.float32)
    added = add(noise, 44100) - noise
    frequencies, power = signal.welch(added.astype(np.float64), 44100, nperseg=4096)
    assert power[frequencies > 2300].max() < 1e-6 * power[frequencies < 2000].mean()


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    wave = babble(7.3)
    whole = add(wave, RATE)
    monkeypatch.setattr(watermark, "_BLOCK", 2)
    cut = np.split(wave, [1, 1000, 3 * RATE, 3 * RATE + 5, 7 * RATE])
    in_pieces = list(marked(cut, RATE))
    assert len(in_pieces) == 4
    np.testing.assert_allclose(np.concatenate(in_pieces), whole, atol=2e-6)
    # A share that is marked counts as a share.
    half = np.concatenate([whole[: 4 * RATE], wave[: 4 * RATE]])
    parts = [confidence([part], RATE) for part in np.split(half, 4)]
    assert parts[0] > SURE > parts[3]
    assert confidence(np.split(half, [100, 5 * RATE]), RATE) == pytest.approx(np.mean(parts))


@pytest.mark.parametrize("n_samples", [1, 1000, 2500])
def test_short_sounds_and_silence_can_be_marked(n_samples: int) -> None:
    assert len(add(babble()[:n_samples], RATE)) == n_samples
    silence = np.zeros(n_samples, np.float32)
    assert np.abs(add(silence, RATE)).max() < 2**-17
    assert confidence([silence], RATE) == 0


def test_bad_input_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(marked([], RATE)) == []
    with pytest.raises(AudiodiffError, match="400 Hz, too low"):
        add(np.zeros(400, np.float32), 400)
    watermark._perth.cache_clear()
    monkeypatch.setitem(sys.modules, "perth.perth_net.perth_net_implicit.perth_watermarker", None)
    with pytest.raises(AudiodiffError, match=r"needs resemble-perth.*\[provenance\]\"$"):
        add(babble(), RATE)


def test_weights_of_another_version_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    watermark._perth.cache_clear()
    for content in (None, b"", b"PK junk", {"model": {}}):
        path = tmp_path / "weights.pt"
        if isinstance(content, dict):
            torch.save(content, path)
        elif content is not None:
            path.write_bytes(content)
        monkeypatch.setattr(watermark, "_WEIGHTS", path)
        with pytest.raises(AudiodiffError, match="resemble-perth, which does not load") as caught:
            watermark.check_installed()
        assert str(caught.value).count("\n") == 0

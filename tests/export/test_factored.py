"""The transform in real products, beside torch's."""

import pytest
import torch
from contracts import noise

from audiodiff.audio import frames
from audiodiff.export.factored import FactoredSTFT


@pytest.mark.parametrize(
    ("n_fft", "hop_length"), [(768, 192), (1024, 256), (1024, 300), (30, 12), (34, 7), (20, 20)]
)
def test_it_is_the_transform_and_its_inverse(n_fft: int, hop_length: int) -> None:
    window = frames.hann(n_fft, n_fft, "periodic") + 0.1
    n_frames, length = 9, n_fft + 8 * hop_length
    wave = noise(2, length + hop_length // 2, seed=1).float()  # its end fills no frame
    transform = FactoredSTFT(window, hop_length)
    spectrum = torch.complex(*transform.analysis(wave))
    expected = frames.stft(wave, window, hop_length)
    assert spectrum.shape == expected.shape == (2, n_fft // 2 + 1, n_frames)
    torch.testing.assert_close(spectrum, expected, rtol=0, atol=1e-6 * n_fft)
    back = transform.synthesis(spectrum.real, spectrum.imag)
    back = back / transform.weights(n_frames).clamp(min=1e-8)
    torch.testing.assert_close(back[:, :length], wave[:, :length], rtol=0, atol=1e-5)


def test_its_rounding_is_that_of_a_fast_transform() -> None:
    window = frames.hann(1024, 1024, "periodic")
    wave = noise(1, 20 * 1024, seed=2)
    exact = frames.stft(wave.double(), window.double(), 256)
    ours = torch.complex(*FactoredSTFT(window, 256).analysis(wave.float()))
    fast = frames.stft(wave.float(), window, 256)
    errors = [(x - exact).abs().square().mean().sqrt() for x in (ours, fast)]
    assert errors[0] < 2 * errors[1]

import numpy as np
import pytest
from benchmark_scripts import Script

RATE = 16000


def bursts() -> np.ndarray:
    """Half a second of a tone, half a second of silence, and so on."""
    t = np.arange(4 * RATE) / RATE
    return (0.3 * (t % 1 < 0.5) * np.sin(2 * np.pi * 400 * t)).astype(np.float32)


def test_noise_has_its_colour(script: Script) -> None:
    module = script("denoising")
    for colour in ("white", "pink"):
        noise = module.noise_of(colour, 4 * RATE, seed=0)
        power = np.abs(np.fft.rfft(noise)) ** 2
        low, high = (power[a:b].mean() for a, b in ((2000, 4000), (16000, 32000)))
        assert noise.std() == pytest.approx(1, rel=1e-3)
        assert 10 * np.log10(low / high) == pytest.approx({"white": 0, "pink": 9}[colour], abs=0.5)
    assert not module.noise_of("none", 100, seed=0).any()


def test_the_wiener_filter_takes_noise_away(script: Script) -> None:
    module, wave = script("denoising"), bursts()
    noisy = wave + 0.02 * module.noise_of("white", len(wave), seed=0)
    made = module.cleaned(noisy, RATE, "Wiener filter")
    assert made.shape == wave.shape
    assert np.square(made - wave).mean() < 0.85 * np.square(noisy - wave).mean()
    assert module.cleaned(noisy, RATE, "nothing") is noisy

import subprocess
import sys

import numpy as np
import pytest

from audiodiff.mel.filterbank import hz_of_mels, mels_of_hz
from audiodiff.mel.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_the_weights_are_librosas(name: str) -> None:
    from librosa.filters import mel

    config = PRESETS[name]
    htk = config.filterbank == "htk"
    expected = mel(
        sr=config.sample_rate,
        n_fft=config.n_fft,
        n_mels=config.n_mels,
        fmin=config.f_min,
        fmax=config.highest_frequency,
        htk=htk,
        norm=None if htk else "slaney",
    )
    made = config.filterbank_matrix().numpy()
    assert made.dtype == expected.dtype
    np.testing.assert_array_equal(made, expected)


def test_slaneys_scale_has_its_landmarks() -> None:
    # 6.4 kHz is 27 steps of the logarithmic part above 1 kHz, which is 15 mel.
    hz = np.array([0.0, 200 / 3, 1000.0, 6400.0])
    np.testing.assert_allclose(mels_of_hz(hz, "slaney"), [0, 1, 15, 42])
    for scale in ("slaney", "htk"):
        np.testing.assert_allclose(hz_of_mels(mels_of_hz(hz, scale), scale), hz, atol=1e-9)


def test_a_model_needs_no_cache_of_compiled_code() -> None:
    """Nothing is compiled, or written into a home, to vocode."""
    code = (
        "import sys, torch; from audiodiff import Vocoder\n"
        "vocoder = Vocoder.from_pretrained('default')\n"
        "vocoder(vocoder.mel(torch.zeros(1, 4096)))\n"
        "print(sorted({'librosa', 'numba', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

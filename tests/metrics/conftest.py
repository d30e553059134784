import pytest
from voices import RATE, babble, noisy

from audiodiff.audio.io import load, resample, save


@pytest.fixture(scope="module")
def speech(shared):
    path = sorted((shared / "data/speech/kathleen/wavs").glob("*.flac"))[0]
    return load(path)


@pytest.fixture
def folders(tmp_path):
    """Two pairs, one of them in a subfolder and at another rate."""
    for name, wave, rate, root in [
        ("one", babble(), RATE, "ref"),
        ("one", noisy(babble(), 30), RATE, "out"),
        ("deep/two.b", babble(rhythm=4), RATE, "ref"),
        ("deep/two.b", resample(babble(rhythm=4), RATE, 24000), 24000, "out"),
    ]:
        path = tmp_path / root / f"{name}.{'wav' if root == 'ref' else 'flac'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path, wave, rate)
    return tmp_path / "ref", tmp_path / "out"

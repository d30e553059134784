import pytest
import torch
from contracts import noise

from audiodiff.codecs import MelCodecConfig
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.presets import PRESETS


@pytest.mark.parametrize("preset", ["hifigan", "vocos", "speecht5"])
def test_a_state_is_the_mel_normalised_and_back(preset: str) -> None:
    config = MelCodecConfig(preset=preset, mean=-6.0, std=3.0)
    codec, hop = config.build(), config.hop_length
    wave = noise(2, 30 * hop) / 10
    x = codec.encode(wave)
    assert x.shape == (2, *config.shape, 30)
    mel = LogMel(PRESETS[preset])(wave)[..., :30]
    torch.testing.assert_close(x * 3 - 6, mel)
    torch.testing.assert_close(codec.mel(x), mel)
    torch.testing.assert_close(codec.normal(codec.mel(x)), x)
    # What is lower than any mel can be is silence.
    assert torch.equal(codec.mel(x - 100), torch.full_like(mel, PRESETS[preset].floor_value))


def test_its_sound_is_the_vocoders() -> None:
    codec = MelCodecConfig().build()
    x = codec.encode(noise(2, 30 * 256) / 10)
    with pytest.raises(AudiodiffError, match="codec.kind='mel' has no vocoder yet"):
        codec.decode(x, 100)
    seen = []

    def vocoder(mel: torch.Tensor) -> torch.Tensor:
        seen.append(mel)
        return torch.arange(mel.shape[2] * 256 - 5.0).expand(2, -1)

    codec.vocoder = vocoder
    wave = codec.decode(x, 30 * 256)
    assert torch.equal(seen[0], codec.mel(x))
    assert wave.shape == (2, 30 * 256)
    assert torch.equal(wave[0, :-5], torch.arange(30 * 256 - 5.0))
    assert not wave[:, -5:].any()
    assert torch.equal(codec.decode(x, 77), wave[:, :77])
    with pytest.raises(AudiodiffError, match="length=7681 but x holds 7680 samples"):
        codec.decode(x, 30 * 256 + 1)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ValueError, match="preset='hifi' is unknown; choose from hifigan, "):
        MelCodecConfig(preset="hifi")

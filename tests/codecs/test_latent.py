from pathlib import Path

import pytest
import torch
from contracts import noise, steps_of
from small_models import latent_config, untrained

from audiodiff.codecs import LatentCodec, MelCodec, WaveformConfig
from audiodiff.codecs.latent import mels_of
from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model

HOP = 4 * 256


def codec_of(seed: int = 0) -> LatentCodec:
    """A codec whose layers all do something."""
    codec = latent_config().codec.build(None)
    generator = torch.Generator().manual_seed(seed)
    for tensor in codec.state_dict().values():
        tensor.copy_(torch.randn(tensor.shape, generator=generator).abs() / 10 + 0.05)
    return codec


def test_a_step_stands_for_several_frames() -> None:
    codec = codec_of()
    x = codec.encode(noise(2, 12 * HOP) / 10)
    assert x.shape == (2, 8, 12)
    assert codec.normal_mel_of(x).shape == (2, 80, 48)
    # What is no whole step is left out, as with any codec's frames.
    assert codec.encode(noise(2, 12 * HOP + HOP - 1) / 10).shape == (2, 8, 12)


def test_nothing_reaches_further_than_the_radius() -> None:
    codec, n = codec_of(), 60
    step, radius = n // 2, codec.radius
    wave = noise(1, n * HOP) / 10
    other = wave.clone()
    other[:, step * HOP : (step + 1) * HOP] += 0.1
    touched = steps_of(codec.encode(other) - codec.encode(wave))
    assert step - radius <= touched.min() < step < touched.max() <= step + radius
    changed = codec.encode(wave)
    before = codec.normal_mel_of(changed)
    changed[..., step] += 1
    touched = steps_of(codec.normal_mel_of(changed) - before) // 4
    assert step - radius <= touched.min() < step < touched.max() <= step + radius


def test_its_sound_is_the_vocoders_of_the_mel() -> None:
    codec = codec_of()
    x = codec.encode(noise(1, 12 * HOP) / 10)
    with pytest.raises(AudiodiffError, match="has no vocoder yet"):
        codec.decode(x, 100)
    codec.mels.vocoder = lambda mel: mel.mean(1).repeat_interleave(256, 1)
    mel = codec.mels.mel(codec.normal_mel_of(x))
    assert torch.equal(codec.decode(x, 12 * HOP), mel.mean(1).repeat_interleave(256, 1))
    with pytest.raises(AudiodiffError, match=f"length={12 * HOP + 1} but x holds {12 * HOP} "):
        codec.decode(x, 12 * HOP + 1)


def test_states_come_to_have_a_mean_of_0_and_a_deviation_of_1() -> None:
    codec = codec_of()
    for seed in range(600):
        moments = codec.autoencoder.encode(3 + noise(4, 80, 16, seed=seed))
        codec.learn_scale(moments)
    x = codec.normal(codec.autoencoder.encode(3 + noise(99, 80, 16, seed=1)).mean)
    values = x.movedim(1, 0).flatten(1)
    assert values.mean(1).abs().max() < 0.15
    assert (values.std(1) - 1).abs().max() < 0.15


def test_a_models_directory_holds_its_weights(tmp_path: Path) -> None:
    model = untrained(latent_config())
    assert isinstance(model.codec, LatentCodec)
    model.codec.load_state_dict(codec_of(1).state_dict())
    model.save(tmp_path)
    wave = noise(1, 4 * HOP) / 10
    assert torch.equal(Model.load(tmp_path).codec.encode(wave), codec_of(1).encode(wave))


def test_which_codecs_decode_to_a_mel() -> None:
    codec = codec_of()
    assert mels_of(codec) is codec.mels
    assert isinstance(codec.mels, MelCodec)
    assert mels_of(codec.mels) is codec.mels
    assert mels_of(WaveformConfig().build(None)) is None

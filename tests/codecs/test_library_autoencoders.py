"""Codecs by autoencoders of diffusers and transformers, tiny ones with random weights."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from contracts import noise, steps_of
from small_models import small_config

from audiodiff import AudiodiffError, Generator, Model
from audiodiff.audio import io
from audiodiff.codecs import CODECS, CodecConfig, MelAutoencoder, WaveAutoencoder
from audiodiff.codecs.latent import mels_of
from audiodiff.codecs.library_autoencoders import autoencoder_of
from audiodiff.training.config import TrainConfig
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

HOP = 8
SIZES: dict[str, dict[str, object]] = {
    "oobleck": {"n_latents": 6, "hop": HOP, "rate": 22050},
    "encodec": {"n_latents": 6, "hop": HOP, "rate": 22050},
    "autoencoder-kl": {"n_latents": 3, "factor": 2, "subfolder": "vae"},
}


@pytest.fixture(scope="module")
def autoencoders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model of each kind."""
    diffusers: Any = pytest.importorskip("diffusers")
    transformers: Any = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("autoencoders")
    torch.manual_seed(0)
    oobleck = diffusers.AutoencoderOobleck(
        encoder_hidden_size=12, downsampling_ratios=[2, 4], channel_multiples=[1, 2],
        decoder_channels=4, decoder_input_channels=6, audio_channels=2, sampling_rate=22050,
    )  # fmt: skip
    encodec = transformers.EncodecConfig(
        hidden_size=6, num_filters=2, upsampling_ratios=[4, 2], num_lstm_layers=1,
        sampling_rate=22050, codebook_size=4, target_bandwidths=[10.0],
    )  # fmt: skip
    kl = diffusers.AutoencoderKL(
        in_channels=1, out_channels=1, down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, block_out_channels=(4, 4), layers_per_block=1,
        latent_channels=3, norm_num_groups=2, scaling_factor=0.5,
    )  # fmt: skip
    oobleck.save_pretrained(folder / "oobleck")
    transformers.EncodecModel(encodec).save_pretrained(folder / "encodec")
    kl.save_pretrained(folder / "autoencoder-kl" / "vae")
    return folder


@pytest.fixture(autouse=True)
def none_loaded() -> None:
    autoencoder_of.cache_clear()


def config_of(folder: Path, kind: str, **changes: object) -> CodecConfig:
    values = {"kind": kind, "name": str(folder / kind), **SIZES[kind], **changes}
    return CODECS[kind].parse(values, "test")


def worded(values: dict[str, object], **changes: object) -> dict[str, object]:
    """A model whose U-Net takes states of 6 numbers."""
    return {
        "mel": None,
        "codec": values,
        "network": {"kind": "unet", "shape": [6], "widths": [32], "n_blocks": 1},
        "prior": {"kind": "unit"},
        "sampling": {"sampler": "ddim", "times": [1.0, 0.5, 0.0], "n_samples": 805},
        **changes,
    }


@pytest.mark.parametrize("kind", ["oobleck", "encodec"])
def test_latents_of_a_wave_and_back(autoencoders: Path, kind: str) -> None:
    config = config_of(autoencoders, kind)
    codec, wave = config.build(None), noise(2, 50 * HOP) / 10
    assert isinstance(codec, WaveAutoencoder)
    with torch.no_grad():
        x = codec.encode(wave)
        assert x.shape == (2, *config.shape, 50)
        assert codec.encode(noise(2, 51 * HOP - 1)).shape[-1] == 50  # whole steps alone
        back = codec.decode(x, 50 * HOP)
        assert back.shape == wave.shape
        assert torch.equal(codec.decode(x, 50 * HOP - 7), back[:, :-7])
        scaled = config_of(autoencoders, kind, mean=0.5, std=2.0).build(None)
        torch.testing.assert_close(scaled.encode(wave), (x - 0.5) / 2)
        torch.testing.assert_close(scaled.decode(scaled.encode(wave), 50 * HOP), back)
    with pytest.raises(AudiodiffError, match="length=401 but x holds 400 samples"):
        codec.decode(x, 50 * HOP + 1)


def test_nothing_reaches_further_than_the_radius(autoencoders: Path) -> None:
    codec, n = config_of(autoencoders, "oobleck").build(None), 120
    wave, step = noise(1, n * HOP) / 10, n // 2
    other = wave.clone()
    other[:, step * HOP : (step + 1) * HOP] += 1
    with torch.no_grad():
        x = codec.encode(wave)
        encoded = steps_of(codec.encode(other) - x)
        changed = x.clone()
        changed[..., step] += 1
        decoded = steps_of(codec.decode(changed, n * HOP) - codec.decode(x, n * HOP)) // HOP
    assert codec.radius < n // 2
    for touched in (encoded, decoded):
        assert step - codec.radius <= touched.min() < step < touched.max() <= step + codec.radius


def test_latents_of_a_mel_and_back(autoencoders: Path) -> None:
    config = config_of(autoencoders, "autoencoder-kl")
    codec = config.build(None)
    assert isinstance(codec, MelAutoencoder)
    assert codec.hop_length == 2 * 256
    assert codec.radius > 2
    wave = noise(2, 12 * 512) / 10
    with torch.no_grad():
        x = codec.encode(wave)
        assert x.shape == (2, *config.shape, 12) == (2, 3, 40, 12)
        mel = codec.normal_mel_of(x)
    assert mel.shape == (2, 80, 24)
    with pytest.raises(AudiodiffError, match="has no vocoder yet"):
        codec.decode(x, 100)
    assert mels_of(codec) is codec.mels
    codec.mels.vocoder = lambda mel: mel.mean(1).repeat_interleave(256, 1)
    assert codec.decode(x, 12 * 512).shape == wave.shape
    # The autoencoder's own scale is taken, and its picture is (frames, bands).
    model = autoencoder_of("diffusers", "AutoencoderKL", config.name, "vae", torch.device("cpu"))
    with torch.no_grad():
        own = model.encode(codec.mels.encode(wave).mT[:, None]).latent_dist.mode()
    torch.testing.assert_close(x, 0.5 * own.mT)


def test_a_unet_learns_latents_and_makes_sound(
    autoencoders: Path, tmp_path: Path, one_thread: None
) -> None:
    for n in range(3):
        io.save(tmp_path / "clips" / f"{n}.wav", 0.1 * noise(1, 4000)[0].numpy(), 22050)
    values = config_of(autoencoders, "oobleck").model_dump()
    model = small_config(**worded(values)).model_dump()
    run = {"model": model, "steps": 2, "batch_size": 2, "data": {"crop_frames": 64}}
    config, out = TrainConfig.parse(run, "test"), tmp_path / "out"
    train(config, [tmp_path / "clips"], out, stop=Stop(), resume=False, say=lambda line: None)
    trained = Model.load(out / "model")
    assert trained.config.codec.name == str(autoencoders / "oobleck")
    assert not any(name.startswith("codec") for name in trained.state_dict())
    waves = Generator(trained).generate(2)
    assert waves.shape == (2, 805)
    assert waves.isfinite().all()
    assert not torch.equal(waves[0], waves[1])


@pytest.mark.parametrize(
    ("kind", "changes", "sentence"),
    [
        ("oobleck", {"hop": 16}, r"codec.hop=16 but '.*oobleck' has others; set hop = 8"),
        ("encodec", {"n_latents": 4, "rate": 8000},
         r"codec.n_latents=4, codec.rate=8000 but .*; set n_latents = 6, rate = 22050"),
        ("autoencoder-kl", {"factor": 4}, r"codec.factor=4 but .* has others; set factor = 2"),
        ("autoencoder-kl", {"subfolder": "unet"}, r"cannot be loaded as AutoencoderKL \("),
        ("oobleck", {"name": "a name: no id"}, "'a name: no id' cannot be loaded as Autoencoder"),
    ],
)  # fmt: skip
def test_an_autoencoder_that_cannot_be_used_is_one_sentence(
    autoencoders: Path, kind: str, changes: dict[str, object], sentence: str
) -> None:
    config = config_of(autoencoders, kind, **changes)
    with pytest.raises(AudiodiffError, match=sentence) as refusal:
        config.fetch(torch.device("cpu"))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("kind", "library"), [("oobleck", "diffusers"), ("encodec", "transf")])
def test_without_the_library_the_extra_is_named(
    autoencoders: Path, kind: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("diffusers", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    model = Model(small_config(**worded(config_of(autoencoders, kind).model_dump())))
    with pytest.raises(AudiodiffError, match=rf'needs {library}.*"audiodiff-vocoder\[pretrained\]'):
        Generator(model)

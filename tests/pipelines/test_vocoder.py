from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_models import CONFIGS, UNCONDITIONAL, small_config, untrained

from audiodiff.audio.io import load, resample
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.presets import PRESETS
from audiodiff.model import Model, Run
from audiodiff.pipelines.generator import Generator
from audiodiff.pipelines.vocoder import Vocoder

SPEECH = Path(__file__).resolve().parents[2] / "examples" / "arctic_a0016.wav"


@pytest.fixture(scope="module", params=CONFIGS)
def vocoder(request: pytest.FixtureRequest) -> Vocoder:
    # In bf16 the same sum may be rounded otherwise in another batch or chunk.
    return Vocoder(untrained(CONFIGS[request.param]), precision="fp32")


@pytest.fixture(scope="module")
def mel(vocoder: Vocoder) -> torch.Tensor:
    noise = torch.randn(2, 90 * 256, generator=torch.Generator().manual_seed(1)) / 10
    return vocoder.mel(noise)


def test_shapes_and_attributes(vocoder: Vocoder, mel: torch.Tensor) -> None:
    assert (vocoder.sample_rate, vocoder.hop_length, vocoder.n_mels) == (22050, 256, 80)
    wave = vocoder(mel)
    assert wave.shape == (2, 90 * 256)
    assert wave.dtype == torch.float32
    assert not wave.requires_grad


def test_a_seed_is_the_same_whatever_the_batch(vocoder: Vocoder, mel: torch.Tensor) -> None:
    both = vocoder(mel, seed=5)
    for i in range(2):
        torch.testing.assert_close(both[i], vocoder(mel[i : i + 1], seed=5)[0], rtol=0, atol=1e-5)
    swapped = vocoder(mel.flip(0), seed=[3, 5])
    torch.testing.assert_close(swapped[1], both[0], rtol=0, atol=1e-5)
    assert (vocoder(mel, seed=6) - both).abs().max() > 1e-3


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("n_steps", [1, 2])
def test_chunked_equals_whole(
    vocoder: Vocoder, mel: torch.Tensor, n_steps: int, batch_size: int
) -> None:
    whole = vocoder(mel, n_steps)
    context = n_steps * vocoder.model.receptive_radius
    pieces = list(
        vocoder.chunks(mel, n_steps, chunk_frames=7, context_frames=context, batch_size=batch_size)
    )
    assert len(pieces) > 5
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=0, atol=1e-4)
    short = torch.cat(list(vocoder.chunks(mel, n_steps, chunk_frames=7, context_frames=0)), 1)
    assert (short - whole).abs().max() > 1e-4  # so the context is what makes them equal


def test_saved_and_loaded_it_is_the_same(
    vocoder: Vocoder, mel: torch.Tensor, tmp_path: Path
) -> None:
    vocoder.model.save(tmp_path)
    again = Vocoder.from_pretrained(tmp_path, precision="fp32")
    assert again.model.config == vocoder.model.config
    torch.testing.assert_close(again(mel), vocoder(mel), rtol=0, atol=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (torch.zeros(80, 5), r"must be \(batch, n_mels, frames\)"),
        (torch.full((1, 5, 80), -5.0), "transpose"),
        (torch.full((1, 100, 5), -5.0), "100 bands"),
        (torch.full((1, 80, 5), float("nan")), "NaN"),
        (torch.full((1, 80, 0), -5.0), "no frames"),
        (torch.full((1, 80, 5), -16.0), "range"),
        (torch.full((1, 80, 5), 40.0), "range"),
        (torch.full((1, 80, 5), -5), "int64"),
        (torch.linspace(0, 1, 400).reshape(1, 80, 5), "lmnt"),
    ],
)
def test_a_mel_that_does_not_fit_is_refused(
    vocoder: Vocoder, bad: torch.Tensor, words: str
) -> None:
    with pytest.raises(AudiodiffError, match=words):
        vocoder(bad)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_arrays_are_taken_as_tensors_are(vocoder: Vocoder, mel: torch.Tensor, dtype: str) -> None:
    array = mel.numpy().astype(dtype)
    expected = vocoder(torch.from_numpy(array.astype(np.float32)))
    assert torch.equal(vocoder(array), expected)
    assert torch.equal(torch.cat(list(vocoder.chunks(array)), 1), expected)
    assert torch.equal(torch.cat(list(vocoder.stream([array], latency=2.0)), 1), expected)
    alone = vocoder.batch([array[0], array[1, :, :40]])
    assert torch.equal(alone[1], vocoder(array[1:, :, :40])[0])
    with pytest.raises(AudiodiffError, match="mel is int16; give floats in the preset's units"):
        vocoder(array.astype(np.int16))


def test_lists_of_one_length_are_taken_and_others_sent_to_batch(
    vocoder: Vocoder, mel: torch.Tensor
) -> None:
    assert torch.equal(vocoder([mel[0], mel[1]]), vocoder(mel))
    with pytest.raises(AudiodiffError, match="2 mels of 2 shapes; give mels of different lengths"):
        vocoder([mel[0], mel[1, :, :40]])


def test_what_comes_out_can_be_changed_in_place_and_differentiated_through(
    vocoder: Vocoder, mel: torch.Tensor
) -> None:
    made = vocoder.mel(torch.zeros(1, 8 * 256))
    made.clamp_(min=-5)
    assert (made == -5).all()
    weight = torch.ones(80, 1, requires_grad=True)
    (made * weight).sum().backward()
    assert torch.equal(weight.grad, torch.full((80, 1), -5.0 * made.shape[2]))


def test_sound_comes_at_the_rate_asked_for(vocoder: Vocoder, mel: torch.Tensor) -> None:
    own = vocoder(mel)
    assert torch.equal(vocoder(mel, rate=22050), own)
    half = vocoder(mel, rate=11025)
    assert half.shape == (len(mel), own.shape[1] // 2)
    expected = resample(own[1].numpy(), 22050, 11025)
    assert torch.equal(half[1], torch.from_numpy(expected))
    with pytest.raises(AudiodiffError, match="rate=-1: input should be greater than 0"):
        vocoder(mel, rate=-1)


def test_numbers_are_taken_in_any_form(
    as_users_call: None, vocoder: Vocoder, mel: torch.Tensor
) -> None:
    expected = vocoder(mel, 1, seed=3, rate=16000)
    made: Any = vocoder
    assert torch.equal(made(mel, "1", seed=np.int64(3), rate=16000.0), expected)
    assert torch.equal(made(mel, torch.tensor(1), seed=3.0, rate=np.float32(16000)), expected)
    for rate in (float("nan"), float("inf"), "fast", 0.5):
        with pytest.raises(AudiodiffError, match="rate="):
            made(mel, rate=rate)


def test_other_bad_arguments_are_refused(vocoder: Vocoder, mel: torch.Tensor) -> None:
    with pytest.raises(AudiodiffError, match="n_steps=0"):
        vocoder(mel, n_steps=0)
    with pytest.raises(AudiodiffError, match="sampler='eule'.*ddpm, ddim"):
        vocoder(mel, sampler="eule")
    with pytest.raises(AudiodiffError, match="3 seeds for 2 items"):
        vocoder(mel, seed=[1, 2, 3])
    with pytest.raises(AudiodiffError, match="seed=-1"):
        vocoder(mel, seed=-1)
    with pytest.raises(
        AudiodiffError, match="context_frames=-1: input should be greater than or equal to 0"
    ):
        vocoder.chunks(mel, context_frames=-1)
    for name in ("chunk_frames", "batch_size"):
        with pytest.raises(AudiodiffError, match=f"{name}=0: input should be greater than 0"):
            vocoder.chunks(mel, **{name: 0})
    with pytest.raises(AudiodiffError, match="batch_size=0: input should be greater than 0"):
        vocoder.batch(mel, batch_size=0)
    with pytest.raises(AudiodiffError, match="n_steps=9223372036854775807: input should be less"):
        vocoder(mel, n_steps=2**63 - 1)
    with pytest.raises(AudiodiffError, match="rate=2147483648: input should be less than or eq"):
        vocoder(mel, rate=2**31)
    with pytest.raises(AudiodiffError, match="NaN"):
        vocoder.mel(torch.full((1, 5000), float("nan")))
    with pytest.raises(AudiodiffError, match="makes sound from a mel; use Vocoder"):
        Generator(vocoder.model)


def test_other_numbers_of_steps_keep_to_the_models_range() -> None:
    model = Model(CONFIGS["consistent"])
    assert model.times().tolist() == model.times(Run(n_steps=2)).tolist() == [0.8, 0.4, 0.0]
    assert model.times(Run(n_steps=4)).tolist() == pytest.approx([0.8, 0.6, 0.4, 0.2, 0.0])


def test_an_unconditional_model_generates() -> None:
    torch.manual_seed(0)
    generator = Generator(Model(small_config(**UNCONDITIONAL)))
    wave = generator.generate(seed=3, n_samples=1000)
    assert wave.shape == (1, 1000)
    assert torch.equal(wave, generator.generate(seed=3, n_samples=1000))
    with pytest.raises(AudiodiffError, match="takes no mel, so there is nothing to vocode"):
        Vocoder(generator.model)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(AudiodiffError, match="device='cuda'.*use 'cpu'"):
        Vocoder(Model(small_config())).to("cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_makes_the_same_sound(vocoder: Vocoder, mel: torch.Tensor, tmp_path: Path) -> None:
    vocoder.model.save(tmp_path)
    there = Vocoder.from_pretrained(tmp_path, "cuda", precision="fp32")(mel).cpu()
    assert np.abs(there - vocoder(mel)).max() < 1e-3


def test_a_ragged_batch_sounds_as_each_alone(vocoder: Vocoder, mel: torch.Tensor) -> None:
    padded = mel.repeat(3, 1, 1)[:5] if len(mel) > 1 else mel.repeat(5, 1, 1)
    frames = mel.shape[2]
    lengths = [frames, frames - 3, frames, frames - 3, 5]
    together = vocoder.batch(padded, lengths, batch_size=2, seed=5)
    for item, n, wave in zip(padded, lengths, together, strict=True):
        alone = vocoder(item[None, :, :n], seed=5)[0]
        assert wave.shape == (n * vocoder.hop_length,)
        torch.testing.assert_close(wave, alone, rtol=0, atol=1e-4)
    calls: list[int] = []
    hook = vocoder.model.network.register_forward_hook(lambda *call: calls.append(1))
    counted = vocoder.batch(padded, torch.tensor(lengths), batch_size=2, seed=5)
    n_calls, calls[:] = len(calls), []
    assert all(map(torch.equal, counted, vocoder.batch(padded, lengths, batch_size=2, seed=5)))
    hook.remove()
    assert len(calls) == n_calls  # those of one length are made together, whatever holds lengths
    cut = [item[:, :n] for item, n in zip(padded, lengths, strict=True)]
    for one, other in zip(vocoder.batch(cut, seed=5), together, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ([3], "1 numbers for 2 mels"),
        ([3, 99], r"lengths\[1\]=99 but mel 1 has"),
        ([0, 4], "=0"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(
    vocoder: Vocoder, mel: torch.Tensor, lengths: list[int], words: str
) -> None:
    with pytest.raises(AudiodiffError, match=words):
        vocoder.batch(torch.cat([mel[:1], mel[:1]]), lengths)


def test_what_is_made_are_ordinary_tensors(vocoder: Vocoder, mel: torch.Tensor) -> None:
    pieces = vocoder.chunks(mel, chunk_frames=40)
    streamed = vocoder.stream([mel[..., :40], mel[..., 40:]])
    for made in (vocoder(mel), next(pieces), next(streamed), vocoder.mel(torch.zeros(1, 5000))):
        assert not made.is_inference()
        made.mul_(0.5)  # in place, and part of what is differentiated
        (made * torch.ones(1, requires_grad=True)).sum().backward()


@pytest.mark.parametrize("value", [-11.52, 0.0])
def test_a_padded_batch_is_warned_of(vocoder: Vocoder, mel: torch.Tensor, value: float) -> None:
    padded = mel[:1].repeat(3, 1, 1)
    padded[1, :, 70:], padded[2, :, 88:] = value, value
    said = rf"looks padded: 2 of its mels end in up to 20 frames of {value:g}; give it to `vocoder"
    with pytest.warns(UserWarning, match=said) as caught:
        vocoder(padded, n_steps=1, force=True)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="give lengths, the number of frames of each") as caught:
        vocoder.batch(padded, n_steps=1, force=True)
    assert caught[0].filename == __file__
    vocoder.batch(padded, [90, 70, 88], n_steps=1, force=True)


def test_mels_of_another_preset_are_refused_together(vocoder: Vocoder) -> None:
    wave = torch.from_numpy(load(SPEECH, 22050)[0])[28000:56000]
    mels = LogMel(PRESETS["espnet"])(torch.stack([wave, 0.8 * wave]))
    with pytest.warns(UserWarning, match="mel: probably its values are those of speecht5"):
        vocoder(mels[:1], n_steps=1)
    with pytest.raises(AudiodiffError, match="mels: its values are those of speecht5"):
        vocoder.batch([mels[0], mels[1, :, 1:]], n_steps=1)

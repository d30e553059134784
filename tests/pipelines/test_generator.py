"""`Generator`: its sounds, and what it refuses."""

from pathlib import Path
from typing import Any

import pytest
import torch
from small_models import LABELLED, WORDED, small_config, untrained

from audiodiff import AudiodiffError, Generator, Model, ModelConfig

ONE = {"digit": "one", "speaker": "theo"}


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator(untrained(small_config(**LABELLED)), precision="fp32")


@pytest.fixture(scope="module")
def of_mels() -> Generator:
    """One that makes mels of digits, whose sound is the default vocoder's."""
    config = {
        "sample_rate": 22050,
        "codec": {"kind": "mel", "mean": -8.6, "std": 3.4},
        "labels": LABELLED["labels"],
        "network": {"kind": "unet", "widths": (32, 32), "n_blocks": 1},
        "schedule": {"kind": "cosine"},
        "target": "v",
        "sampling": LABELLED["sampling"] | {"n_samples": 5000},
    }
    torch.manual_seed(0)
    model = Model(ModelConfig.parse(config, "test"))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return Generator(model, precision="fp32")


def test_each_sound_is_that_of_its_seed_whatever_is_made_at_once(of_mels: Generator) -> None:
    made = of_mels.generate(3, ONE, 2.0, seed=5)
    assert made.shape == (3, 5000)
    again = of_mels.generate(3, ONE, 2.0, seed=5, batch_size=2)
    torch.testing.assert_close(again, made, rtol=0, atol=1e-3 * made.abs().max())
    for i in range(3):
        alone = of_mels.generate(1, ONE, 2.0, seed=5 + i)
        torch.testing.assert_close(alone[0], made[i], rtol=0, atol=1e-3 * made.abs().max())
    assert (made[0] - made[1]).abs().max() > 0.1 * made.abs().max()


def test_a_sound_has_the_models_own_length(generator: Generator) -> None:
    assert generator.n_samples == 2205
    assert generator.generate(2).shape == (2, 2205)
    assert generator.generate(2, n_samples=333).shape == (2, 333)
    sampling = {"times": [1.0, 0.5, 0.0]}
    nameless = Generator(Model(small_config(**LABELLED | {"sampling": sampling})))
    assert nameless.n_samples == nameless.sample_rate


def test_a_text_is_followed_and_a_negative_one_avoided(tmp_path: Path) -> None:
    untrained(small_config(**WORDED)).save(tmp_path)
    worded = Generator.from_pretrained(tmp_path, precision="fp32")
    assert worded.n_bytes == 40

    def made(scale: float = 2.0, **asked: Any) -> torch.Tensor:
        return worded.generate(2, None, scale, seed=3, n_samples=700, **asked)

    nine, anything = made(text="nine"), made()
    assert nine.shape == (2, 700)
    assert torch.equal(made(text=" nine\n"), nine)
    assert torch.equal(made(text=""), anything)
    others = [made(text="six"), made(3.0, text="nine"), anything]
    others += [made(text="nine", negative_text="six"), made(negative_text="six")]
    for other in others:
        assert (other - nine).abs().max() > 1e-3 * nine.abs().max()
    assert torch.equal(made(text="nine", negative_text=" "), nine)
    # Away from itself a text leads nowhere.
    torch.testing.assert_close(made(text="nine", negative_text="nine"), made(1.0, text="nine"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"text": "x" * 10_000}, "text='xxx.* has 10000 bytes and this model takes at most 40"),
        ({"negative_text": "x" * 50}, "negative_text='xxx.* has 50 bytes and this model takes"),
        ({"text": "caf\udce9"}, "text=.* is not in UTF-8"),
        ({"label": "one"}, "label='one': this model has no labels"),
    ],
)
def test_a_text_that_a_model_does_not_take_is_one_sentence(
    arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(AudiodiffError, match=sentence):
        Generator(untrained(small_config(**WORDED))).generate(**arguments)


def test_a_mel_decides_the_length_itself() -> None:
    with pytest.raises(AudiodiffError, match="sampling.n_samples=5 but the mel decides the length"):
        small_config(sampling={"times": [1.0, 0.0], "n_samples": 5})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"n": 0}, "n=0: input should be greater than 0"),
        ({"n": "many"}, "n='many': input should be a valid integer"),
        ({"n": 2**31}, "n=2147483648: input should be less than"),
        ({"n": 10**6, "n_samples": 10**6}, r"n \* n_samples=1000000000000: input should be less"),
        ({"n_samples": 0}, "n_samples=0: input should be greater than 0"),
        ({"n_samples": float("nan")}, "n_samples=nan: input should be a"),
        ({"seed": -1}, "seed=-1: input should be greater than or equal to 0"),
        ({"seed": 2**63 - 1, "n": 2}, r"seed \+ n - 1=9223372036854775808: input should be less"),
        ({"batch_size": 0}, "batch_size=0: input should be greater than 0"),
        ({"n_steps": 0}, "n_steps=0: input should be greater than 0"),
        ({"sampler": "nope"}, "sampler='nope' is unknown"),
        ({"guidance_scale": float("nan")}, "guidance_scale=nan: input should be a finite number"),
        ({"guidance_scale": float("inf")}, "guidance_scale=inf: input should be a finite number"),
        ({"guidance_scale": "loud"}, "guidance_scale='loud': input should be a valid number"),
        ({"label": {"digit": "ten"}}, "digit='ten': this model has zero, one; choose accordingly"),
        ({"label": {"digit": 1}}, "digit=1: this model has zero, one; choose accordingly"),
        ({"label": {"digit": ["one"]}}, r"digit=\['one'\]: this model has zero, one; choose"),
        ({"label": {"vowel": "a"}}, "label: 'vowel': this model has labels for digit, speaker"),
        ({"text": "one"}, "text='one': this model takes no text; leave it out"),
        ({"text": 7}, "text=7 is no text; give one such as 'a man says nine'"),
        ({"negative_text": "one"}, "negative_text='one': this model takes no text; leave it out"),
        ({"label": 7}, "label=7: give a name, or a mapping such as {'digit': 'seven'}"),
        ({"label": ["one", "theo"]}, r"label=\['one', 'theo'\]: give a name, or a mapping"),
    ],
)
@pytest.mark.usefixtures("as_users_call")
def test_what_it_cannot_make_is_one_sentence(
    generator: Generator, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(AudiodiffError, match=sentence) as refusal:
        generator.generate(**arguments)
    assert "\n" not in str(refusal.value)

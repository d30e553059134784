"""Texts by frozen encoders of transformers, tiny ones with random weights."""

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from contracts import check_network, noise
from small_models import LABELLED, UNCONDITIONAL, small_config, untrained
from torch import Tensor

from audiodiff import AudiodiffError, Generator, Model, ModelConfig
from audiodiff.codecs import MelCodecConfig
from audiodiff.conditioning import joined
from audiodiff.conditioning.encoders import Encoder, encoder_of
from audiodiff.conditioning.text import bytes_of
from audiodiff.networks import UNet, UNetConfig

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

SIZES = {"widths": (32, 32), "n_blocks": 1, "window": 4, "n_labels": {"label": 3}}
WIDTHS = {"t5": 24, "clap": 20}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model of each kind, which reads bytes."""
    transformers: Any = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("encoders")
    torch.manual_seed(0)
    t5 = transformers.T5Config(
        vocab_size=384, d_model=WIDTHS["t5"], d_kv=8, d_ff=16, num_layers=1, num_heads=2
    )
    text = {
        "vocab_size": 384, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 31, "pad_token_id": 0,
        "projection_dim": WIDTHS["clap"],
    }  # fmt: skip
    models = {
        "t5": transformers.T5ForConditionalGeneration(t5),
        "clap": transformers.ClapTextModelWithProjection(transformers.ClapTextConfig(**text)),
    }
    for name, model in models.items():
        model.save_pretrained(folder / name)
        transformers.ByT5Tokenizer().save_pretrained(folder / name)
    return folder


@pytest.fixture(autouse=True)
def none_loaded() -> None:
    encoder_of.cache_clear()


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def text_of(folder: Path, kind: str = "t5", **changes: object) -> dict[str, object]:
    name = str(folder / kind)
    return {"kind": kind, "name": name, "width": WIDTHS[kind], "n_bytes": 60} | changes


def worded(folder: Path, kind: str = "t5", **changes: object) -> ModelConfig:
    network = {**LABELLED["network"], "text": text_of(folder, kind, **changes)}
    return small_config(**{**UNCONDITIONAL, "network": network, "sampling": LABELLED["sampling"]})


def bytes_of_all(*texts: str) -> Tensor:
    return joined([{"text": bytes_of(text, 60)} for text in texts])["text"]


@pytest.mark.parametrize("kind", WIDTHS)
def test_a_network_with_a_frozen_encoder_keeps_the_contract(encoders: Path, kind: str) -> None:
    config = UNetConfig(**SIZES, text=text_of(encoders, kind))
    check_network(config, MelCodecConfig().build(), 31)


@pytest.mark.parametrize("kind", WIDTHS)
def test_features_are_those_of_each_text_alone(encoders: Path, kind: str) -> None:
    network = UNetConfig(**SIZES, text=text_of(encoders, kind)).build()
    assert isinstance(network, UNet)
    assert network.text is not None
    torch.nn.init.normal_(network.text.whole.weight)
    texts = ["six", "", "a man says nine"]
    with torch.no_grad():
        whole, (tokens, present) = network.text(bytes_of_all(*texts))
        alone, (own, _) = network.text(bytes_of_all("six"))
    n_tokens = [4, 0, 16] if kind == "t5" else [1, 0, 1]  # a T5 has one for the end
    assert present.sum(1).tolist() == n_tokens
    assert tokens.shape == (3, max(n_tokens), WIDTHS[kind])
    assert torch.equal(tokens[:1, : own.shape[1]], own)
    torch.testing.assert_close(whole[:1], alone)
    assert not whole[1].any()
    assert (whole[0] - whole[2]).abs().max() > 1e-3
    with torch.no_grad():  # nothing but empty texts
        nothing, attended = network.text(bytes_of_all("", ""))
    assert not nothing.any()
    assert attended.tokens.shape == (2, 0, WIDTHS[kind])


def test_each_text_is_encoded_once(encoders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    features = Encoder._features
    monkeypatch.setattr(Encoder, "_features", lambda self, t: read.append(t) or features(self, t))
    networks = [UNetConfig(**SIZES, text=text_of(encoders)).build() for _ in range(2)]
    for network in networks:
        for _ in range(2):
            network.condition({"text": bytes_of_all("nine", "six", "nine")})
    assert sorted(read) == ["nine", "six"]


def test_a_model_stores_the_name_and_not_the_weights(encoders: Path, tmp_path: Path) -> None:
    model = untrained(worded(encoders))
    model.save(tmp_path)
    assert not any("encoder" in name or "shared" in name for name in model.state_dict())
    again = Model.load(tmp_path)
    assert again.config.network.text.name == str(encoders / "t5")
    assert again.config.network.text.width == WIDTHS["t5"]
    nine, same, six, anything = (
        Generator(m).generate(text=text)
        for m, text in ((model, "nine"), (again, "nine"), (again, "six"), (again, None))
    )
    assert torch.equal(nine, same)
    assert not torch.equal(nine, six)
    assert not torch.equal(nine, anything)
    led = Generator(again).generate(text="nine", negative_text="six", guidance_scale=3.0)
    assert not torch.equal(led, Generator(again).generate(text="nine", guidance_scale=3.0))


def test_only_what_is_beside_the_encoder_learns(encoders: Path) -> None:
    torch.manual_seed(0)
    network = UNetConfig(**(SIZES | {"shape": (16,)}), text=text_of(encoders)).build()
    encoder = encoder_of("t5", str(encoders / "t5"), CPU).model
    before = copy.deepcopy(encoder.state_dict())
    x, wanted = noise(1, 16, 12).expand(2, -1, -1), noise(2, 16, 12, seed=1)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(40):
        features = network.condition({"text": bytes_of_all("nine", "six")})
        loss = (network(x, torch.zeros(2), features) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.3  # half of it is what tells the two apart
    assert all(torch.equal(before[name], after) for name, after in encoder.state_dict().items())


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"width": 512}, "network.text.width=512 but the vectors of '.*t5' have 24 numbers; set"),
        ({"name": "clap"}, "'.*clap' is no T5EncoderModel, as it lacks weights such as encoder.bl"),
        ({"name": "nobody/no-such-encoder"}, "'nobody/no-such-encoder' cannot be loaded as T5Enco"),
        ({"name": "a name: no id"}, "'a name: no id' cannot be loaded as T5EncoderModel"),
    ],
)
def test_an_encoder_that_cannot_be_used_is_one_sentence(
    encoders: Path, changes: dict[str, object], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(encoders)
    model = Model(worded(encoders, **changes))  # which needs no encoder yet
    with pytest.raises(AudiodiffError, match=sentence) as refusal:
        Generator(model)
    assert "\n" not in str(refusal.value)


def test_weights_must_be_safetensors(encoders: Path, tmp_path: Path) -> None:
    pickled = tmp_path / "t5"
    pickled.mkdir()
    for path in (encoders / "t5").iterdir():
        if path.suffix == ".json":
            (pickled / path.name).write_bytes(path.read_bytes())
    weights = encoder_of("t5", str(encoders / "t5"), CPU).model.state_dict()
    torch.save(weights, pickled / "pytorch_model.bin")
    with pytest.raises(AudiodiffError, match="with weights in safetensors"):
        encoder_of("t5", str(pickled), CPU)


def test_without_transformers_the_extra_is_named(
    encoders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(
        AudiodiffError, match=r'transformers, .*pip install "audiodiff-vocoder\[pre'
    ):
        Generator(Model(worded(encoders)))


def test_a_text_of_too_many_tokens_is_refused(encoders: Path) -> None:
    encoder = encoder_of("clap", str(encoders / "clap"), CPU)
    assert encoder("x" * 29).shape == (1, WIDTHS["clap"])
    with pytest.raises(AudiodiffError, match="has 31 tokens and '.*clap' reads at most 30; short"):
        encoder("x" * 30)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind='bert' is unknown; choose from bytes, clap, t5"):
        UNetConfig(text={"kind": "bert", "name": "x", "width": 3})

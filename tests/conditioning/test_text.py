"""Texts: what is one, and the networks that read them."""

import pytest
import torch
from contracts import noise

from audiodiff import AudiodiffError
from audiodiff.conditioning import OPEN, joined, left_open
from audiodiff.conditioning.text import bytes_of, normalised, text_asked
from audiodiff.networks import UNet, UNetConfig
from audiodiff.networks.words import WordTransformer, words_of

LEVEL = torch.tensor([1.0, -2.0])
SMALL = {"shape": (16,), "widths": (32, 32), "n_blocks": 1}
TEXT = {"width": 32, "n_layers": 2, "n_bytes": 60}


def unet(**sizes: object) -> UNet:
    torch.manual_seed(0)
    network = UNetConfig.parse({**SMALL, "text": TEXT, **sizes}, "test").build()
    assert isinstance(network, UNet)
    return network


def opened(network: UNet, std: float = 0.1) -> UNet:
    """A network whose output depends on all of its input."""
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return network


def bytes_of_all(*texts: str) -> torch.Tensor:
    return joined([{"text": bytes_of(text, 60)} for text in texts])["text"]


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("nine", b"nine"),
        (" a man\n\tsays  nine\r\n", b"a man says nine"),
        ("caf\u0065\u0301", "caf\u00e9".encode()),  # an e and its accent are one character
        ("\N{SPEAKER}\N{ZERO WIDTH JOINER}", "\N{SPEAKER}\N{ZERO WIDTH JOINER}".encode()),
        ("\u4e5d, \u10e0\u10ea\u10ee\u10e0\u10d0, \u062a\u0633\u0639\u0629", None),
        ("a\u2003b\u2028c", b"a b c"),
        ("\0", b"\0"),
    ],
)
def test_any_text_is_its_bytes(text: str, content: bytes | None) -> None:
    found = bytes(bytes_of(text, 60)[0].tolist())
    assert found == (text.encode() if content is None else content)
    assert normalised(found.decode()) == found.decode()


@pytest.mark.parametrize("text", ["", " ", "\n\n", None])
def test_an_empty_text_asks_for_nothing(text: str | None) -> None:
    assert text_asked(text, 60) == {}
    assert (bytes_of(text or "", 60) == OPEN).all()


@pytest.mark.parametrize(
    ("text", "most", "sentence"),
    [
        ("x" * 10_000, 60, "has 10000 bytes and this model takes at most 60; shorten it"),
        ("\u4e5d" * 21, 60, "has 63 bytes and this model takes at most 60; shorten it"),
        ("caf\udce9", 60, r"text='caf\\udce9' is not in UTF-8; save or type it as such"),
        ("\ud800", 60, r"text='\\ud800' is not in UTF-8"),
        ("nine", None, "text='nine': this model takes no text; leave it out"),
        ("", None, "text='': this model takes no text; leave it out"),
    ],
)
def test_what_is_no_text_for_a_model_is_one_sentence(
    text: str, most: int | None, sentence: str
) -> None:
    with pytest.raises(AudiodiffError, match=sentence) as refusal:
        text_asked(text, most)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 200


@pytest.mark.usefixtures("as_users_call")
def test_a_number_is_no_text() -> None:
    with pytest.raises(AudiodiffError, match="text=9 is no text; give one such as 'a man says"):
        text_asked(9, 60)  # type: ignore[arg-type]


def test_texts_of_unlike_lengths_are_joined_and_left_open() -> None:
    texts = bytes_of_all("nine", "", "six")
    assert texts.tolist() == [[110, 105, 110, 101], [OPEN] * 4, [115, 105, 120, OPEN]]
    assert left_open({"text": texts}, [0])["text"].tolist()[0] == [OPEN] * 4


@pytest.mark.parametrize(("kind", "lengths"), [("bytes", [3, 0, 24]), ("words", [1, 0, 6])])
def test_features_do_not_depend_on_the_padding(kind: str, lengths: list[int]) -> None:
    text = opened(unet(text=TEXT | {"kind": kind}), 0.3).text
    assert text is not None
    with torch.no_grad():
        alone, (tokens, present) = text(bytes_of_all("six"))
        whole, attended = text(bytes_of_all("six", "", "a man says nine, quietly"))
        letters, _ = text(bytes_of_all("xis"))
        (one, other), _ = text(bytes_of_all("theo not lucas", "lucas not theo"))
    torch.testing.assert_close(whole[:1], alone)
    torch.testing.assert_close(attended.tokens[:1, : lengths[0]], tokens)
    assert present.tolist() == [[True] * lengths[0]]
    assert attended.present is not None
    assert attended.present.sum(1).tolist() == lengths
    assert not whole[1].any()
    assert whole.isfinite().all()
    # The order of letters and of words counts.
    assert (letters - alone).abs().max() > 1e-3
    assert (other - one).abs().max() > 1e-3


def test_words_are_alike_in_their_pieces() -> None:
    network = unet(text=TEXT | {"kind": "words"}).text
    assert isinstance(network, WordTransformer)
    with torch.no_grad():
        _, (found, _) = network(bytes_of_all("quietly quietlyy \u4e5d\u516d, Quietly loudly"))
    first, typo, foreign, comma, capital, other = found[0]
    like = torch.nn.functional.cosine_similarity
    assert words_of("Quietly \u4e5d!") == ["quietly", "\u4e5d", "!"]
    assert like(first, typo, 0) > 0.5 > like(first, other, 0)
    assert like(first, foreign, 0) < 0.5
    assert comma.isfinite().all()
    assert like(first, capital, 0) > 0.99


def test_no_text_is_exactly_as_a_network_without_text() -> None:
    network = opened(unet())
    plain = unet(text=None)
    plain.load_state_dict(network.state_dict(), strict=False)
    x = noise(2, 16, 20)

    def made(of: UNet, **cond: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return of(x, LEVEL, of.condition(cond))

    without = made(plain)
    assert torch.equal(made(network), without)
    assert torch.equal(made(network, text=bytes_of_all("", "")), without)
    one = made(network, text=bytes_of_all("", "nine"))
    torch.testing.assert_close(one[0], without[0])
    assert (one[1] - without[1]).abs().max() > 1e-3


def test_a_new_network_is_that_whose_weights_it_takes() -> None:
    """What reads the text adds nothing before it is trained."""
    labelled = opened(unet(text=None, n_labels={"digit": 10}))
    network = unet()
    config = network.config
    assert config.takes_weights_of(labelled.config)
    new = network.load_state_dict(labelled.state_dict(), strict=False)
    assert new.unexpected_keys == ["labels.digit.weight"]
    assert all(".across.text." in name or name.startswith("text.") for name in new.missing_keys)
    x = noise(2, 16, 20)
    with torch.no_grad():
        made = network(x, LEVEL, network.condition({"text": bytes_of_all("nine", "six")}))
        assert torch.equal(made, labelled(x, LEVEL, labelled.condition({})))
    for other in (
        UNetConfig(**SMALL | {"widths": (32, 64)}),
        UNetConfig(**SMALL, text=TEXT | {"width": 64}),
    ):
        assert not config.takes_weights_of(other)
    six, ten = (UNetConfig(**SMALL, n_labels={"digit": n}) for n in (6, 10))
    assert not six.takes_weights_of(ten)


@pytest.mark.parametrize("kind", ["bytes", "words"])
def test_texts_alone_tell_the_classes_of_a_batch(kind: str) -> None:
    """Only the text says what is to be made of one input, in a batch of unlike texts."""
    network = unet(text=TEXT | {"kind": kind})
    texts = bytes_of_all("nine", "a man says six", "", "sine")
    x = noise(1, 16, 12).expand(4, -1, -1)
    wanted = noise(4, 16, 12, seed=1)
    level = torch.zeros(4)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(60):
        made = network(x, level, network.condition({"text": texts}))
        loss = (made - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2 * wanted.var().item()
    with torch.no_grad():
        turned = network(x, level, network.condition({"text": texts.roll(1, 0)}))
    assert (turned - wanted.roll(1, 0)).square().mean() < 0.2 * wanted.var()


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="33 is no multiple of 32"):
        UNetConfig(text={"width": 33})
    with pytest.raises(ValueError, match="two parts of the condition are named 'text'; rename one"):
        UNetConfig(text={}, n_labels={"text": 3})

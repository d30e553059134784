"""The U-Net over frames and over pictures, and its attention."""

import pytest
import torch
from contracts import noise

from audiodiff.codecs import MelCodecConfig, StftConfig, WaveformConfig
from audiodiff.networks import UNet, UNetConfig
from audiodiff.networks.attention import Attended, CrossAttention, RMSNorm, WindowAttention

LEVEL = torch.tensor([1.0, -2.0])


def opened(network: torch.nn.Module) -> torch.nn.Module:
    """A module whose output depends on all of its input."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network


def unet(**sizes: object) -> UNet:
    config = UNetConfig.parse({"widths": (32, 64), "n_blocks": 1} | sizes, "test")
    network = opened(config.build())
    assert isinstance(network, UNet)
    return network


@pytest.mark.parametrize(
    ("over", "shape", "patch"),
    [
        ("frames", (80,), 1),
        ("frames", (), 16),
        ("frames", (2, 6), 2),
        ("bands-and-frames", (80,), 1),
        ("bands-and-frames", (2, 7), 1),
    ],
)
@pytest.mark.parametrize("n_steps", [1, 31, 64])
def test_any_state_of_any_length_keeps_its_shape(
    over: str, shape: tuple[int, ...], patch: int, n_steps: int
) -> None:
    network = unet(over=over, shape=shape, patch=patch)
    x = noise(2, *shape, n_steps)
    assert torch.equal(network._state(network._grid(x), x), x)
    with torch.no_grad():
        y = network(x, LEVEL, network.condition({}))
    assert y.shape == x.shape
    assert y.isfinite().all()


def test_a_new_network_estimates_nothing() -> None:
    network = UNetConfig(widths=(32, 64)).build()
    assert not network(noise(2, 80, 9), LEVEL, network.condition({})).any()


def test_each_item_has_its_own_labels_and_level() -> None:
    network = unet(n_labels={"digit": 10, "speaker": 6})
    x = noise(1, 80, 20).expand(2, -1, -1)

    def made(level: torch.Tensor, **labels: list[int]) -> torch.Tensor:
        cond = {part: torch.tensor(label) for part, label in labels.items()}
        with torch.no_grad():
            return network(x, level, network.condition(cond))

    same = torch.tensor([1.0, 1.0])
    both = made(same, digit=[3, 4], speaker=[0, 0])
    assert not torch.allclose(both[0], both[1])
    torch.testing.assert_close(made(same, digit=[4, 3], speaker=[0, 0]), both.flip(0))
    assert not torch.allclose(made(LEVEL)[0], made(LEVEL)[1])
    torch.testing.assert_close(made(same, digit=[-1, 3]), torch.stack([made(same)[0], both[0]]),
                               rtol=1, atol=1)  # fmt: skip
    torch.testing.assert_close(made(same, digit=[-1, -1]), made(same))


def test_tokens_and_frames_are_taken() -> None:
    network = unet(tokens={"text": 7}, frames={"mask": 3})
    x = noise(2, 80, 20)
    cond = {"text": noise(2, 4, 7), "mask": noise(2, 3, 20)}
    with torch.no_grad():
        made = [
            network(x, LEVEL, network.condition(part))
            for part in ({}, cond, {"text": cond["text"]}, {"mask": cond["mask"]})
        ]
        later = cond | {"mask": cond["mask"] + torch.arange(20).ge(15)}
        changed = network(x, LEVEL, network.condition(later))
    for i in range(4):
        for j in range(i):
            assert (made[i] - made[j]).abs().max() > 1e-4
    assert (changed - made[1]).abs()[..., 15:].max() > 1e-4


@pytest.mark.parametrize("over", ["frames", "bands-and-frames"])
def test_it_fits_one_batch(over: str) -> None:
    torch.manual_seed(0)
    network = UNetConfig(shape=(16,), over=over, widths=(32, 32), n_blocks=1).build()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    x, wanted = noise(2, 16, 24), noise(2, 16, 24, seed=1)
    losses = []
    for _ in range(30):
        loss = (network(x, LEVEL, network.condition({})) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_its_config_says_what_fits() -> None:
    UNetConfig(shape=(80,)).check_codec(MelCodecConfig())
    UNetConfig(shape=(2, 512)).check_codec(StftConfig())
    UNetConfig(shape=(), patch=32).check_codec(WaveformConfig())
    with pytest.raises(ValueError, match=r"network.shape=\[64\] but codec.kind='mel' makes .*80"):
        UNetConfig(shape=(64,)).check_codec(MelCodecConfig())
    with pytest.raises(ValueError, match="needs a state with bands; use over='frames'"):
        UNetConfig(shape=(), over="bands-and-frames")
    with pytest.raises(ValueError, match="widths holds 33, which is no multiple of 32"):
        UNetConfig(widths=(32, 33))


def test_windows_see_what_is_in_them() -> None:
    """Of ten steps in windows of four, a changed one touches its window alone."""
    x = noise(2, 10, 32)
    changed = x.clone()
    changed[:, 5] += 1
    for shifted, window in ((False, slice(4, 8)), (True, slice(2, 6))):
        attention = opened(WindowAttention(32, 2, 4, shifted))
        with torch.no_grad():
            difference = (attention(changed) - attention(x)).abs().amax((0, 2))
        touched = torch.zeros(10, dtype=torch.bool)
        touched[window] = True
        assert torch.equal(difference > 1e-6, touched)


def test_padding_of_windows_is_not_attended_to() -> None:
    attention = opened(WindowAttention(32, 2, 4))
    x = noise(2, 10, 32)
    with torch.no_grad():
        torch.testing.assert_close(attention(x)[:, 8:], attention(x[:, 8:]))
        whole = opened(WindowAttention(32, 2, 10))
        torch.testing.assert_close(whole(x), opened(WindowAttention(32, 2, 64, True))(x))


def test_attention_tells_distances() -> None:
    attention = opened(WindowAttention(32, 2, 64))
    x = noise(1, 8, 32)
    with torch.no_grad():
        assert not torch.allclose(attention(x.flip(1)).flip(1), attention(x), atol=1e-4)


def test_cross_attention_does_not_mind_the_order_of_tokens() -> None:
    attention = opened(CrossAttention(32, 7, 2))
    x, tokens = noise(2, 10, 32), noise(2, 5, 7)
    with torch.no_grad():
        made = attention(x, Attended(tokens))
        torch.testing.assert_close(attention(x, Attended(tokens.flip(1))), made)
        assert not torch.allclose(attention(x, Attended(tokens[:, :3])), made, atol=1e-4)


def test_cross_attention_to_no_tokens_gathers_nothing() -> None:
    attention = opened(CrossAttention(32, 7, 2))
    x, tokens = noise(2, 10, 32), noise(2, 5, 7)
    present = torch.tensor([[False] * 5, [True] * 3 + [False] * 2])
    with torch.no_grad():
        made = attention(x, Attended(tokens, present))
        alone = attention(x[1:], Attended(tokens[1:, :3]))
    assert not made[0].any()
    torch.testing.assert_close(made[1:], alone)
    assert alone.abs().max() > 1e-3


def test_rms_norm_is_its_formula() -> None:
    norm = RMSNorm(8)
    x = noise(2, 8, 5)
    torch.nn.init.normal_(norm.gain)
    expected = x / x.square().mean(1, keepdim=True).sqrt() * norm.gain[:, None]
    torch.testing.assert_close(norm(x), expected, rtol=1e-4, atol=1e-5)

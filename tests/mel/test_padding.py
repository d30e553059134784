import torch

from audiodiff.mel.padding import padding_of


def batch() -> torch.Tensor:
    return torch.randn(3, 80, 40, generator=torch.Generator().manual_seed(0))


def test_padding_of_unequal_length_is_found() -> None:
    mels = batch()
    mels[1, :, 30:], mels[2, :, 38:] = -11.5, -11.5
    assert padding_of(mels) == (2, 10, -11.5)


def test_what_may_be_sound_is_no_padding() -> None:
    assert padding_of(batch()) is None
    assert padding_of(batch()[:1]) is None
    equal, other, silent, short = batch(), batch(), batch(), batch()
    equal[..., 30:] = 0  # all sounds end at once
    other[1, :, 30:], other[2, :, 38:] = 0, 1  # each at a level of its own
    silent[1] = 0
    short[1, :, 39:] = 0
    for mels in (equal, other, silent, short, batch()[..., :0]):
        assert padding_of(mels) is None

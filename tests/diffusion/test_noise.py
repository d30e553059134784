import pytest
import torch

from audiodiff.diffusion.noise import BLOCK, NoiseTape, white_noise


def test_noise_belongs_to_its_position() -> None:
    length = 3 * BLOCK
    whole = NoiseTape([7], [0])(torch.empty(1, length), 2)
    for offset, size in [(0, 10), (BLOCK - 5, 10), (BLOCK, BLOCK), (123, 2 * BLOCK)]:
        part = NoiseTape([7], [offset])(torch.empty(1, size), 2)
        torch.testing.assert_close(part, whole[:, offset : offset + size], rtol=0, atol=0)


def test_noise_differs_by_seed_and_step_and_not_by_batch() -> None:
    like = torch.empty(2, 4, 100)
    noise = NoiseTape([1, 2], [0, 0])(like, 0)
    alone = NoiseTape([2], [0])(like[:1], 0)
    torch.testing.assert_close(noise[1:], alone, rtol=0, atol=0)
    assert not torch.equal(noise[0], noise[1])
    assert not torch.equal(NoiseTape([2], [0])(like[:1], 1), alone)
    long = white_noise((3,), (100_000,))
    assert long.mean().abs() < 0.02
    assert long.std().item() == pytest.approx(1, abs=0.02)

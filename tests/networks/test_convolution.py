"""Rows beside torch's own 1-D convolutions."""

import pytest
import torch
from contracts import noise
from torch import nn

from audiodiff.networks.convolution import RowConv, as_rows


@pytest.mark.parametrize("padding_mode", ["zeros", "reflect"])
@pytest.mark.parametrize(("size", "dilation"), [(1, 1), (3, 1), (3, 4), (5, 2)])
def test_a_row_is_convolved_as_torch_does(padding_mode: str, size: int, dilation: int) -> None:
    sizes = {"padding": dilation * (size // 2), "dilation": dilation, "padding_mode": padding_mode}
    rows, plain = RowConv(6, 8, size, **sizes), nn.Conv1d(6, 8, size, **sizes)
    plain.load_state_dict(rows.state_dict())
    x = noise(2, 6, 50)
    expected = plain(x)
    made = rows(as_rows(x))
    torch.testing.assert_close(made[:, :, 0], expected)
    torch.testing.assert_close(torch.cat(rows.halves(as_rows(x)), 1), made)


def test_features_stay_step_after_step() -> None:
    x = as_rows(noise(2, 16, 50))
    conv = RowConv(16, 32, 3, padding=1)
    for part in (conv(x), *conv.halves(x)):
        assert part.is_contiguous(memory_format=torch.channels_last)
        assert not part.is_contiguous()


@pytest.mark.parametrize("n_channels", [4, 16, 24, 64])
@pytest.mark.parametrize("dilation", [1, 8])
def test_gradients_in_bfloat16_are_right(n_channels: int, dilation: int) -> None:
    # oneDNN's for some numbers of channels are not, over two dimensions.
    conv = RowConv(n_channels, 2 * n_channels, 3, padding=dilation, dilation=dilation)
    x = as_rows(noise(2, n_channels, 300)).requires_grad_()
    weights = noise(2, 2 * n_channels, 1, 300, seed=1)
    found = []
    for bf16 in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = (conv(x).float() * weights).sum()
        found.append(torch.autograd.grad(loss, (x, conv.weight, conv.bias)))
    for exact, rounded in zip(*found, strict=True):
        assert (exact - rounded).norm() < 0.02 * exact.norm()

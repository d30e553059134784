"""A DiffWave of philsyn's form, written from its description a second time."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def random_state(n_channels: int, n_layers: int, conditional: bool = True) -> dict[str, Tensor]:
    """Weights by philsyn's names, normalised ones as g and v."""
    generator = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}

    def plain(name: str, *shape: int) -> None:
        fan_in = math.prod(shape[1:])
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
        state[f"{name}.bias"] = 0.1 * torch.randn(shape[0], generator=generator)

    def normalised(name: str, *shape: int) -> None:
        plain(name, *shape)
        v = state.pop(f"{name}.weight")
        g = v.flatten(1).norm(dim=1).reshape(-1, *[1] * (v.ndim - 1))
        state[f"{name}.weight_g"] = g * (1 + 0.2 * torch.rand(g.shape, generator=generator))
        state[f"{name}.weight_v"] = v * 3

    c = n_channels
    normalised("init_conv.0.conv", c, 1, 1)
    plain("residual_layer.fc_t1", 512, 128)
    plain("residual_layer.fc_t2", 512, 512)
    for i in range(n_layers):
        block = f"residual_layer.residual_blocks.{i}"
        plain(f"{block}.fc_t", c, 512)
        normalised(f"{block}.dilated_conv_layer.conv", 2 * c, c, 3)
        normalised(f"{block}.res_conv", c, c, 1)
        normalised(f"{block}.skip_conv", c, c, 1)
        if conditional:
            for n in range(2):
                normalised(f"{block}.upsample_conv2d.{n}", 1, 1, 3, 32)
            normalised(f"{block}.mel_conv.conv", 2 * c, 80, 1)
    normalised("final_conv.0.conv", c, c, 1)
    plain("final_conv.2.conv", 1, c, 1)
    return state


def forward(state: dict[str, Tensor], x: Tensor, step: float, mel: Tensor) -> Tensor:
    """eps_hat for x (batch, 1, samples) at one step, and a mel (batch, 80, frames)."""

    def weights(name: str) -> tuple[Tensor, Tensor]:
        bias = state[f"{name}.bias"]
        if f"{name}.weight" in state:
            return state[f"{name}.weight"], bias
        v, g = state[f"{name}.weight_v"], state[f"{name}.weight_g"]
        return g * v / v.pow(2).sum(tuple(range(1, v.ndim)), keepdim=True).sqrt(), bias

    x = F.conv1d(x, *weights("init_conv.0.conv")).relu()
    angles = step * torch.exp(-math.log(1e4) / 63 * torch.arange(64))
    embedding = torch.cat([angles.sin(), angles.cos()])
    for name in ("residual_layer.fc_t1", "residual_layer.fc_t2"):
        embedding = F.silu(F.linear(embedding, *weights(name)))
    n_layers = sum(1 for name in state if name.endswith("fc_t.weight"))
    skips = []
    for i in range(n_layers):
        block = f"residual_layer.residual_blocks.{i}"
        x = x + F.linear(embedding, *weights(f"{block}.fc_t"))[:, None]
        dilation = 2 ** (i % 10)
        conv = weights(f"{block}.dilated_conv_layer.conv")
        h = F.conv1d(x, *conv, padding=dilation, dilation=dilation)
        up = mel[:, None]
        for n in range(2):
            conv = weights(f"{block}.upsample_conv2d.{n}")
            up = F.leaky_relu(F.conv_transpose2d(up, *conv, stride=(1, 16), padding=(1, 8)), 0.4)
        h = h + F.conv1d(up[:, 0], *weights(f"{block}.mel_conv.conv"))
        filtered, gate = h.split(x.shape[1], 1)
        out = filtered.tanh() * gate.sigmoid()
        skips.append(F.conv1d(out, *weights(f"{block}.skip_conv")))
        x = (x + F.conv1d(out, *weights(f"{block}.res_conv"))) * 0.5**0.5
    x = torch.stack(skips).sum(0) / n_layers**0.5
    x = F.conv1d(x, *weights("final_conv.0.conv")).relu()
    return F.conv1d(x, *weights("final_conv.2.conv"))

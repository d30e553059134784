import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import AdamW, Muon

from audiodiff.networks.bandsplit import BandSplitConfig, BandSplitNet
from audiodiff.networks.diffwave import DiffWave, DiffWaveConfig
from audiodiff.networks.unet import UNet, UNetConfig
from audiodiff.training.config import OptimizerConfig
from audiodiff.training.muon import orthogonal
from audiodiff.training.optimizers import MuonAdamW, build_optimizer, learning_rate
from audiodiff.training.state import Average, Progress, load_state, save_state

MUON = OptimizerConfig(kind="muon", lr=0.02, adamw_lr=3e-3, weight_decay=0.1, momentum=0.9)


def small_network(seed: int = 0) -> BandSplitNet:
    torch.manual_seed(seed)
    return BandSplitNet(
        BandSplitConfig(bands=((4, 3), (8, 2)), n_channels=16, n_layers=2, n_mel_channels=16)
    )


def test_the_learning_rate_warms_up_and_decays() -> None:
    config = OptimizerConfig(lr=1.0, lr_end=0.1, warmup=10)
    rates = [learning_rate(config, step, 100) for step in range(1, 101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == 1
    assert rates[54] == pytest.approx(0.55)
    assert rates[-1] == pytest.approx(0.1)
    assert (np.diff(rates[10:]) < 0).all()


def test_the_learning_rate_holds_before_its_decay() -> None:
    config = OptimizerConfig(lr=2.0, lr_end=0.0, warmup=10, decay=0.4)
    rates = [learning_rate(config, step, 110) for step in range(1, 111)]
    assert rates[4] == pytest.approx(1)
    assert rates[9:70] == [2.0] * 61
    assert (np.diff(rates[69:]) < 0).all()
    assert rates[89] == pytest.approx(1)
    assert rates[-1] == pytest.approx(0)
    flat = OptimizerConfig(lr=2.0, warmup=0, decay=0.0)
    assert {learning_rate(flat, step, 50) for step in range(1, 51)} == {2.0}


@pytest.mark.parametrize(
    "network",
    [
        small_network(),
        DiffWave(DiffWaveConfig(n_channels=4, n_layers=2)),
        UNet(UNetConfig(shape=(4,), widths=(32, 64), n_blocks=1)),
    ],
)
def test_muon_takes_the_kernels_of_the_layers_and_adamw_all_else(network: nn.Module) -> None:
    optimizer = build_optimizer(network, MUON)
    assert isinstance(optimizer, MuonAdamW)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    kernels, others = (
        [names[id(parameter)] for parameter in group["params"]] for group in optimizer.param_groups
    )
    assert sorted(kernels + others) == sorted(names.values())
    of_layers = [names[id(parameter)] for parameter in network.get_submodule("layers").parameters()]
    assert kernels == [name for name in of_layers if network.get_parameter(name).ndim > 2]
    assert len(kernels) >= 4
    assert any(name.endswith("bias") for name in others)
    assert type(build_optimizer(network, OptimizerConfig())) is AdamW


@pytest.mark.parametrize("shape", [(6, 4, 1, 3), (12, 2, 3)])
def test_a_kernel_moves_as_its_matrix_does_under_torchs_muon(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    kernel = nn.Parameter(torch.randn(shape, generator=generator))
    bias = nn.Parameter(torch.randn(6, generator=generator))
    matrix = nn.Parameter(kernel.detach().flatten(1).clone())
    vector = nn.Parameter(bias.detach().clone())
    ours = MuonAdamW([kernel], [bias], MUON)
    muon = Muon([matrix], 0.02, weight_decay=0.1, momentum=0.9)
    adamw = AdamW([vector], 3e-3, betas=MUON.betas, weight_decay=0.1)
    for factor in (1.0, 0.5, 0.25):
        for group in ours.param_groups:
            group["lr"] = 0.02 * factor
        muon.param_groups[0]["lr"] = 0.02 * factor
        adamw.param_groups[0]["lr"] = 3e-3 * factor
        kernel.grad = torch.randn(kernel.shape, generator=generator)
        bias.grad = torch.randn(bias.shape, generator=generator)
        matrix.grad, vector.grad = kernel.grad.flatten(1).clone(), bias.grad.clone()
        before = kernel.detach().flatten(1).clone(), matrix.detach().clone()
        for optimizer in (ours, muon, adamw):
            optimizer.step()
        move, theirs = kernel.flatten(1) - before[0], matrix - before[1]
        assert theirs.abs().mean() > 1e-3
        # PyTorch's computes in bfloat16.
        assert (move - theirs).norm() < 0.05 * theirs.norm()
        torch.testing.assert_close(bias, vector, rtol=1e-6, atol=0)


@pytest.mark.parametrize("shape", [(5, 12), (12, 5), (8, 8)])
def test_an_orthogonal_matrix_has_singular_values_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    made = orthogonal(matrix)
    assert made.dtype == torch.float32
    assert torch.linalg.svdvals(made).sub(1).abs().max() < 0.4
    # The singular vectors are the matrix's own.
    product = matrix.T @ made
    torch.testing.assert_close(product, product.T, rtol=0, atol=0.05)


def steps(network: BandSplitNet, optimizer: torch.optim.Optimizer, numbers: range) -> None:
    """Steps on data that their numbers decide."""
    for number in numbers:
        generator = torch.Generator().manual_seed(number)
        x, mel = torch.randn(2, 2, 28, 6, generator=generator), torch.zeros(2, 80, 6)
        y = network(x, torch.zeros(2), network.condition({"mel": mel}))
        optimizer.zero_grad()
        (y - x.flip(2)).square().mean().backward()
        optimizer.step()


def test_a_saved_and_loaded_optimizer_goes_on_bit_for_bit(tmp_path: Path) -> None:
    network = small_network()
    optimizer = build_optimizer(network, MUON)
    steps(network, optimizer, range(3))
    path, average = tmp_path / "state.safetensors", Average(network, 0.9)
    progress = Progress(step=3, items=6, clips=["a"])
    save_state(path, {"network": network}, average.tensors, optimizer, progress)
    copied, loaded, forgetful = small_network(1), small_network(2), small_network(3)
    copied.load_state_dict(network.state_dict())
    forgetful.load_state_dict(network.state_dict())
    copied_optimizer, loaded_optimizer, new_optimizer = (
        build_optimizer(one, MUON) for one in (copied, loaded, forgetful)
    )
    copied_optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    start = progress._replace(step=0, items=0)
    weights = Average(loaded, 0.9).tensors
    assert load_state(path, {"network": loaded}, weights, loaded_optimizer, start) == progress
    runs = [
        (network, optimizer),
        (copied, copied_optimizer),
        (loaded, loaded_optimizer),
        (forgetful, new_optimizer),
    ]
    for one, its in runs:
        steps(one, its, range(3, 6))
    for name, expected in network.state_dict().items():
        assert torch.equal(copied.state_dict()[name], expected), name
        assert torch.equal(loaded.state_dict()[name], expected), name
    # So the moments matter, those of Muon and those of AdamW.
    for name in ("layers.0.frames.weight", "last.weight"):
        assert not torch.equal(forgetful.state_dict()[name], network.state_dict()[name])

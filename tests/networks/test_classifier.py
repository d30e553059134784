import pytest
import torch
from contracts import noise

from audiodiff.networks.classifier import ClassifierNet, ClassifierNetConfig

CONFIG = ClassifierNetConfig(
    shape=(6,), widths=(32, 32, 64), n_blocks=1, n_features=8, n_labels={"a": 3, "b": 2}
)


def network(**changes: object) -> ClassifierNet:
    torch.manual_seed(0)
    made = ClassifierNet(CONFIG.model_copy(update=changes)).eval()
    for parameter in made.parameters():  # some of which are closed
        torch.nn.init.normal_(parameter, std=0.1)
    return made


@pytest.mark.parametrize("n_frames", [1, 7, 64])
def test_it_takes_any_number_of_frames_and_uses_all_of_them(n_frames: int) -> None:
    x = noise(2, 6, n_frames).requires_grad_()
    logits = network()(x, torch.zeros(2))
    assert {kind: part.shape for kind, part in logits.items()} == {"a": (2, 3), "b": (2, 2)}
    (gradient,) = torch.autograd.grad(logits["a"][0, 0], x)
    assert (gradient[0] != 0).any(0).all()
    assert not gradient[1].any()


def test_its_answer_depends_on_the_level_and_on_all_weights() -> None:
    net, x = network(), noise(2, 6, 16)
    one, other = (net(x, torch.full((2,), level))["a"] for level in (-3.0, 3.0))
    assert (one - other).abs().max() > 1e-4
    logits = net(x, torch.zeros(2))
    sum(part.square().sum() for part in logits.values()).backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


@pytest.mark.parametrize("shape", [(), (2, 5)])
def test_it_takes_states_with_other_axes(shape: tuple[int, ...]) -> None:
    x = noise(2, *shape, 12)
    assert network(shape=shape).features(x, torch.zeros(2)).shape == (2, 8)

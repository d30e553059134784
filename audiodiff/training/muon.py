"""Muon, an optimiser of matrices."""

import math
from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import Optimizer

from audiodiff.system.devices import has_bf16

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
N_ITERATIONS = 5

Matrix = Float[Tensor, "rows columns"]


class Muon(Optimizer):
    """Momentum whose matrices are replaced by the nearest orthogonal ones.

    ``matrix <- (1 - lr weight_decay) matrix - lr sqrt(max(1, rows / columns)) orthogonal(update)``,
    where the update is Nesterov's momentum (K. Jordan, https://kellerjordan.github.io/posts/muon).
    PyTorch's own computes in bfloat16 on every device, which without instructions for it takes
    several times as long as the network's forward and backward pass.

    Args:
        matrices: Matrices to train, (rows, columns) each.
        lr: Learning rate.
        weight_decay: Decoupled weight decay.
        momentum: Decay of the average of the gradients.
    """

    def __init__(
        self, matrices: Iterable[Tensor], lr: float, weight_decay: float, momentum: float
    ) -> None:
        figures = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(matrices, figures)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of every matrix that has a gradient."""
        for group in self.param_groups:
            lr, momentum = group["lr"], group["momentum"]
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix)
                average = state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)
                update = orthogonal(matrix.grad.lerp(average, momentum))
                rows, columns = matrix.shape
                matrix.mul_(1 - lr * group["weight_decay"])
                matrix.add_(update, alpha=-lr * math.sqrt(max(1, rows / columns)))


def orthogonal(matrix: Matrix) -> Matrix:
    """A matrix of the same singular vectors with singular values near 1, from 0.7 to 1.2.

    By five iterations of Newton and Schulz, ``X <- a X + (b X X^T + c (X X^T)^2) X``, in bfloat16
    where the device multiplies it natively, and else in float32.
    """
    x = matrix.bfloat16() if has_bf16(matrix.device) else matrix.float()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / x.norm().clamp(min=1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(N_ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).to(matrix)

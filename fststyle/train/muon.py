"""Muon: the optimiser of the network's kernels, for more than the double worth out of every training step.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"
(kellerjordan.github.io/posts/muon): a kernel's momentum, seen as a matrix (outputs, inputs x height x width),
is replaced by the nearest matrix with orthonormal rows, so that every direction moves equally far, not the
few loud ones. Style losses are as badly conditioned as losses come, and a step costs a second where this
costs a twentieth of it.

Departures, each measured: float32 throughout, where the published code takes bfloat16 (torch.optim.Muon does
as well, and takes matrices only), for CPUs emulate bfloat16; no weight decay, since a training is a thousand
steps, not a million; the kernel that writes the picture, and all that is no kernel, is left to Adam (Kingma
and Ba 2015, arXiv:1412.6980): moved by Muon's equal steps the colours never settle.
"""

from typing import Any

import torch
from torch import Tensor, nn

KERNEL_STEP = 0.4
"""Root mean square of a kernel's step, in learning rates."""

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""The published quintic: five rounds bring every singular value between 0.7 and 1.2."""


def orthogonal(matrix: Tensor, rounds: int = 5) -> Tensor:
    """The matrix (m, n) with every singular value brought near 1, by Newton-Schulz iteration; a zero matrix
    stays zero.

    Every round multiplies by a polynomial of X X^T. They commute, so the rounds are done on that small square
    matrix, which is all they need, and the large one is multiplied once, by their product: the same to
    float32's digits in less than half the time.
    """
    a, b, c = _NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=1e-12)
    gram, product = x @ x.T, None
    for left in reversed(range(rounds)):
        factor = (b * gram).addmm_(gram, gram, alpha=c)
        factor.diagonal().add_(a)
        product = factor if product is None else factor @ product
        if left:
            gram = factor @ gram @ factor
    if product is not None:
        x = product @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for the convolution kernels of `net` but the last one, Adam for the rest, one learning rate for
    both.

    Args:
        net: its parameters, in the order they act in: the last 4-dimensional one writes the picture.
        lr: learning rate, as of Adam.
        momentum: of the kernels, Nesterov's.
        betas, eps: of Adam.
    """

    def __init__(
        self,
        net: nn.Module,
        lr: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ):
        parameters = [p for p in net.parameters() if p.requires_grad]
        kernels = [p for p in [p for p in net.parameters() if p.ndim == 4][:-1] if p.requires_grad]
        chosen = {id(p) for p in kernels}
        groups: list[dict[str, Any]] = [
            {"params": kernels, "kernels": True},
            {"params": [p for p in parameters if id(p) not in chosen], "kernels": False},
        ]
        super().__init__(
            [group for group in groups if group["params"]],
            {"lr": lr, "momentum": momentum, "betas": betas, "eps": eps},
        )

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step from the gradients there are; parameters without one stay. A closure is not supported."""
        if closure is not None:
            raise TypeError("Muon takes no closure")
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    (self._kernel if group["kernels"] else self._other)(p, p.grad, self.state[p], group)

    def _kernel(self, p: Tensor, gradient: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
        gradient = gradient.flatten(1)
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum = state["momentum"].lerp_(gradient, 1 - group["momentum"])
        direction = orthogonal(gradient.lerp(momentum, group["momentum"]))
        # An orthonormal (m, n) matrix has a root mean square of 1 / sqrt(max(m, n)).
        p.add_(direction.view(p.shape), alpha=-group["lr"] * KERNEL_STEP * max(direction.shape) ** 0.5)

    def _other(self, p: Tensor, gradient: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
        if not state:
            state.update(step=torch.zeros(()), mean=torch.zeros_like(p), square=torch.zeros_like(p))
        first, second = group["betas"]
        steps = int(state["step"].add_(1))
        mean, square = (
            state["mean"].lerp_(gradient, 1 - first),
            state["square"].lerp_(gradient.square(), 1 - second),
        )
        p.addcdiv_(
            mean / (1 - first**steps),
            (square / (1 - second**steps)).sqrt() + group["eps"],
            value=-group["lr"],
        )

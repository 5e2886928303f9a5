"""The Muon optimizer for convolution kernels. It needs fewer steps than Adam.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"
(kellerjordan.github.io/posts/muon). The momentum of a kernel, reshaped to a matrix (outputs, inputs x height
x width), is replaced by the nearest semi-orthogonal matrix. All directions then have the same step size,
which helps because style losses are badly conditioned.

Departures:

* float32 throughout. The published code and torch.optim.Muon (which supports matrices only) use bfloat16,
  which many CPUs emulate.
* No weight decay, since a training run has about a thousand steps.

The last kernel and all parameters that are not kernels use Adam (Kingma and Ba 2015, arXiv:1412.6980). With
the uniform step sizes of Muon on the last kernel, the colors do not converge.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

KERNEL_STEP = 0.4
"""RMS of a kernel update, as a multiple of the learning rate."""

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the published quintic polynomial. After five iterations, singular values that were at least
1/300 of the Frobenius norm lie between 0.68 and 1.21.
"""


def orthogonal(matrix: Tensor, rounds: int = 5) -> Tensor:
    """Return an approximation of the semi-orthogonal matrix nearest to `matrix`, computed by Newton-Schulz
    iteration.

    The singular values of the result are close to 1, but not exactly 1 (see `NEWTON_SCHULZ`). Each iteration
    multiplies X by a polynomial in X X^T. Since these polynomials commute, only the smaller square matrix
    X X^T is updated, and X is multiplied once, at the end, by the product of all polynomials. The result
    equals that of updating X in every iteration, up to rounding.

    Args:
        matrix: float32 (m, n). A zero matrix stays zero.
        rounds: number of iterations.
    """
    a, b, c = NEWTON_SCHULZ
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
    result: Tensor = x.T if tall else x
    return result


class Muon(torch.optim.Optimizer):
    """Optimizer that uses Muon for all convolution kernels of `net` except the last, and Adam for the other
    parameters.

    Parameters that do not require a gradient are not updated.

    Args:
        net: the network. Its last 4-dimensional parameter must be the kernel of the output layer.
        lr: learning rate of both methods. The RMS of a Muon update is about `KERNEL_STEP` times this value.
        momentum: Nesterov momentum of Muon.
        betas, eps: as in `torch.optim.Adam`.
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
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update all parameters that have a gradient.

        Raises:
            TypeError: `closure` is given. Closures are not supported.
        """
        if closure is not None:
            raise TypeError("Muon does not support closures")
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    (self._kernel if group["kernels"] else self._other)(p, p.grad, self.state[p], group)

    def _kernel(self, p: Tensor, gradient: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
        """Apply the Muon update to one kernel."""
        gradient = gradient.flatten(1)
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum = state["momentum"].lerp_(gradient, 1 - group["momentum"])
        direction = orthogonal(gradient.lerp(momentum, group["momentum"]))
        # The RMS of an orthonormal (m, n) matrix is 1 / sqrt(max(m, n)).
        p.add_(direction.view(p.shape), alpha=-group["lr"] * KERNEL_STEP * max(direction.shape) ** 0.5)

    def _other(self, p: Tensor, gradient: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
        """Apply the Adam update to one parameter."""
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

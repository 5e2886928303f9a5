"""`fststyle.train.muon.Muon` for stacked networks (tools/together.py): one matrix product for all kernels of
the same shape.

The learning rate and the step number are tensors, so that a CUDA graph can replay a step. Kernels are
orthogonalized by the Newton-Schulz iteration in its published form (Jordan et al. 2024). The faster form in
`fststyle.train.muon.orthogonal` squares the condition number, and so needs more precision than TF32 products
have.
"""

import torch
from stacked import Stacked
from torch import Tensor

from fststyle.train.muon import KERNEL_STEP, NEWTON_SCHULZ


class StackedMuon:
    """Muon for all kernels except that of `head`, and Adam for the other parameters.

    Args:
        networks: the networks. Their parameters need gradients before each step.
        momentum, betas, eps: as for `Muon`.
    """

    def __init__(
        self,
        networks: Stacked,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ):
        self.networks, self.momentum, self.betas, self.eps = networks, momentum, betas, eps
        self.parameters = networks.named()
        kernels = [
            name for name, value in self.parameters.items() if value.ndim == 5 and name != "head.weight"
        ]
        self.others = [name for name in self.parameters if name not in kernels]
        self.by_shape: dict[tuple[int, int], list[str]] = {}
        for name in kernels:
            outputs, *inputs = self.parameters[name].shape[1:]
            self.by_shape.setdefault((outputs, torch.Size(inputs).numel()), []).append(name)
        self.mean = {name: torch.zeros_like(value) for name, value in self.parameters.items()}
        self.square = {name: torch.zeros_like(self.parameters[name]) for name in self.others}
        device = next(networks.parameters()).device
        self.learning_rate, self.steps = torch.zeros((), device=device), torch.zeros((), device=device)

    @torch.no_grad()
    def step(self, tied: bool) -> None:
        """Update all parameters with the current `learning_rate`, and apply `Stacked.constrain`.

        Args:
            tied: whether the shared parameters are updated by the mean gradient over the networks, so that
                they stay equal.
        """
        self.steps += 1
        if tied:
            for name in self.networks.shared_names():
                gradient = self._gradient(name)
                gradient.copy_(gradient.mean(0, keepdim=True).expand_as(gradient))
        for (outputs, inputs), names in self.by_shape.items():
            self._kernels(names, outputs, inputs)
        for name in self.others:
            self._other(name)
        self.networks.constrain()

    def _gradient(self, name: str) -> Tensor:
        """Return the gradient of a parameter. Raises `ValueError` if there is none."""
        gradient = self.parameters[name].grad
        if gradient is None:
            raise ValueError(f"{name} has no gradient")
        return gradient

    def _kernels(self, names: list[str], outputs: int, inputs: int) -> None:
        """Apply the Muon update to all kernels of one shape."""
        matrices = []
        for name in names:
            gradient = self._gradient(name)
            momentum = self.mean[name].lerp_(gradient, 1 - self.momentum)
            matrices.append(gradient.lerp(momentum, self.momentum).reshape(-1, outputs, inputs))
        directions = orthogonal(torch.cat(matrices)).split(self.networks.count)
        scale = KERNEL_STEP * max(outputs, inputs) ** 0.5
        for name, direction in zip(names, directions, strict=True):
            value = self.parameters[name]
            value.sub_(direction.reshape(value.shape) * (self.learning_rate * scale))

    def _other(self, name: str) -> None:
        """Apply the Adam update to one parameter."""
        (first, second), gradient = self.betas, self._gradient(name)
        mean = self.mean[name].lerp_(gradient, 1 - first) / (1 - first**self.steps)
        square = self.square[name].lerp_(gradient.square(), 1 - second) / (1 - second**self.steps)
        self.parameters[name].sub_(mean / (square.sqrt() + self.eps) * self.learning_rate)


def orthogonal(matrices: Tensor, rounds: int = 5) -> Tensor:
    """Return approximately the nearest semi-orthogonal matrix to each matrix of `matrices`, (N, m, n), by
    `rounds` Newton-Schulz iterations.
    """
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x: Tensor = matrices.mT if tall else matrices
    x = x / x.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None]
    for _ in range(rounds):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.mT if tall else x

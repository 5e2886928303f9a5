"""One step of an optimizer."""

import torch
from torch import Tensor


def minimize(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Compute the gradient of a scalar ``loss`` for the parameters of ``optimizer``, and update them."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()

"""The backward pass and the optimizer step that all training commands share."""

import torch
from torch import Tensor


def minimize(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Clear the gradients, backpropagate the scalar `loss`, and update the parameters of `optimizer`."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()

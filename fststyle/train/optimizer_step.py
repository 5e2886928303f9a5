"""The backward pass and the optimizer step that all training commands share."""

from collections.abc import Callable

import torch
from torch import Tensor


def minimize(
    optimizer: torch.optim.Optimizer,
    loss: Tensor,
    on_gradients: Callable[[torch.optim.Optimizer], None] | None = None,
) -> None:
    """Clear the gradients, backpropagate the scalar `loss`, and update the parameters of `optimizer`.

    `on_gradients`, for example `Compute.average_gradients`, is called with `optimizer` between the backward
    pass and the update.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if on_gradients is not None:
        on_gradients(optimizer)
    optimizer.step()

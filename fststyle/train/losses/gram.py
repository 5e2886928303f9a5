"""Gram matrices with a custom backward pass. With autograd, it is the most expensive part of a training step.

For ``flat @ flat.T``, autograd computes the gradient of each operand in float32 and adds the two. Since a
Gram matrix is symmetric, one matrix product is enough, and it can use the precision of the activations, to
which the result is cast anyway.
"""

from typing import Any

import torch
from torch import Tensor


def gram_matrix(activation: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, C): inner products of the channels divided by C*H*W (Johnson et al. 2016,
    equation 3).

    The result is float32 for any input precision, since sums over H*W lose accuracy in half precision. The
    gradient has the precision of the input. Second derivatives are not supported.
    """
    gram: Tensor = _Gram.apply(activation)
    return gram


class _Gram(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, activation: Tensor) -> Tensor:
        n, c, h, w = activation.shape
        # A view, if the activation is in channels-last format.
        pixels = activation.permute(0, 2, 3, 1).reshape(n, h * w, c)
        ctx.save_for_backward(pixels)
        ctx.shape = activation.shape
        with torch.autocast(activation.device.type, enabled=False):
            exact = pixels.float()
            gram = exact.new_empty(n, c, c)
            return torch.baddbmm(gram, exact.transpose(1, 2), exact, beta=0, alpha=1 / (c * h * w))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (pixels,) = ctx.saved_tensors
        n, c, h, w = ctx.shape
        both = ((gradient + gradient.transpose(1, 2)) / (c * h * w)).to(pixels.dtype)
        with torch.autocast(pixels.device.type, enabled=False):
            result: Tensor = (pixels @ both).reshape(n, h, w, c).permute(0, 3, 1, 2)
            return result

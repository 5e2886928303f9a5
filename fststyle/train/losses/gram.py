"""Gram matrices, with a slope of their own: the plain expression's was the dearest single part of a training
step.

Left to itself, PyTorch takes the slope of ``flat @ flat.T`` by each of its two sides, in float32, and adds
them. A Gram matrix is symmetric: one product gives both, and it may be in the precision of the activations,
for it becomes one anyway.
"""

from typing import Any

import torch
from torch import Tensor


def gram_matrix(activation: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, C): inner products of the channels divided by C*H*W, once (Johnson et al. 2016,
    equation 3).

    In float32 whatever the input: sums over H*W lose half a precision's digits. The slope has the precision
    of the input. There is no second derivative.
    """
    gram: Tensor = _Gram.apply(activation)
    return gram


class _Gram(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, activation: Tensor) -> Tensor:
        n, c, h, w = activation.shape
        # With the channels last this is the activation's own memory.
        pixels = activation.permute(0, 2, 3, 1).reshape(n, h * w, c)
        ctx.save_for_backward(pixels)
        ctx.shape = activation.shape
        with torch.autocast(activation.device.type, enabled=False):
            exact = pixels.float()
            gram = exact.new_empty(n, c, c)
            return torch.baddbmm(gram, exact.transpose(1, 2), exact, beta=0, alpha=1 / (c * h * w))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        (pixels,) = ctx.saved_tensors
        n, c, h, w = ctx.shape
        both = ((slope + slope.transpose(1, 2)) / (c * h * w)).to(pixels.dtype)
        with torch.autocast(pixels.device.type, enabled=False):
            return (pixels @ both).reshape(n, h, w, c).permute(0, 3, 1, 2)

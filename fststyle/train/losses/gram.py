"""Gram matrices with a custom backward pass, which needs less computation than that of autograd.

For ``flat @ flat.T``, autograd computes the gradient of each operand in float32 and adds the two gradients.
Since a Gram matrix is symmetric, one matrix product is enough. It is computed in the precision of the
activations, to which autograd would cast the gradient anyway.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx


def gram_matrix(activation: Tensor) -> Tensor:
    """Return the Gram matrices (N, C, C) of activations (N, C, H, W): inner products of the channels, divided
    by C*H*W (Johnson et al. 2016, equation 3).

    The result is float32 for any precision of the input, since sums over H*W lose accuracy in half precision.
    The gradient has the precision of the input. Second derivatives are not supported.
    """
    gram: Tensor = _Gram.apply(activation)
    return gram


class _Context(FunctionCtx):
    saved_tensors: tuple[Tensor, ...]
    shape: torch.Size


class _Gram(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, activation: Tensor) -> Tensor:
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
    def backward(ctx: _Context, gradient: Tensor) -> Tensor:
        (pixels,) = ctx.saved_tensors
        n, c, h, w = ctx.shape
        both = ((gradient + gradient.transpose(1, 2)) / (c * h * w)).to(pixels.dtype)
        with torch.autocast(pixels.device.type, enabled=False):
            result: Tensor = (pixels @ both).reshape(n, h, w, c).permute(0, 3, 1, 2)
            return result

"""Clamping of the network output to the displayable range, before the losses are computed.

The last layer of the networks is linear, and the output of a trained network is clipped. Without clamping in
training, the network moves part of the contrast outside the range, where it reduces the style loss, but is
lost in the clipped image.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx


def clamp_output(stylized: Tensor) -> Tensor:
    """Clamp the stylized images, (N, 3, H, W), to [-1, 1], with a gradient that can move values back into
    this range.

    Inside the range, the gradient is passed on unchanged. Outside, it is passed on only if a descent step
    moves the value back towards the range; otherwise it is 0. The gradient of `torch.clamp` is 0 everywhere
    outside the range, so such a pixel would never return. Second derivatives are not supported.
    """
    clamped: Tensor = _ClampOutput.apply(stylized)
    return clamped


class _Context(FunctionCtx):
    saved_tensors: tuple[Tensor, ...]


class _ClampOutput(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, stylized: Tensor) -> Tensor:
        ctx.save_for_backward(stylized)
        return stylized.clamp(-1, 1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: _Context, gradient: Tensor) -> Tensor:
        (stylized,) = ctx.saved_tensors
        # A descent step has the opposite sign of the gradient.
        outwards = ((stylized > 1) & (gradient < 0)) | ((stylized < -1) & (gradient > 0))
        return gradient.masked_fill(outwards, 0)

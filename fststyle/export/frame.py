"""The frame contract of style files: uint8 frames in and out, with pre- and postprocessing in the graph.

Input ``frame``: uint8 (N, H, W, 3) RGB with N >= 1, H >= 16 and W >= 16. Output ``styled``: the same.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MINIMUM_SIDE = 16
"""Minimum side of a frame in pixels."""


class Frame(nn.Module):
    """Wrapper that converts between uint8 frames and the tensors of a network.

    ``net`` maps (N, 3, H, W) in [-1, 1] to the same shape, for H and W that are multiples of ``net.stride``.
    Other sizes are padded by reflection at the bottom and right, and the result is cropped.
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net
        self.stride = int(net.stride)  # type: ignore[arg-type]

    def forward(self, frame: Tensor) -> Tensor:
        """Stylize frames: uint8 (N, H, W, 3) RGB -> uint8 (N, H, W, 3) RGB."""
        height, width = frame.shape[1], frame.shape[2]
        x = frame.permute(0, 3, 1, 2).float() / 127.5 - 1
        x = F.pad(x, (0, -width % self.stride, 0, -height % self.stride), mode="reflect")
        x = self.net(x)[:, :, :height, :width]
        x = ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        result: Tensor = x.permute(0, 2, 3, 1)
        return result

"""DiffAugment (Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training",
arXiv:2006.10738): the same kinds of change for real and generated pictures, through which gradients flow, so
that a discriminator cannot learn a small folder by heart. All take (N, C, H, W) in [-1, 1].
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def augmented(x: Tensor) -> Tensor:
    """The paper's policy for few pictures: colour, translation by up to an eighth, and a square of half the
    side cut out.
    """
    return cutout(shifted(coloured(x), round(x.shape[-1] / 8)))


def coloured(x: Tensor) -> Tensor:
    """Brightness -0.5..0.5, saturation 0..2, contrast 0.5..1.5, each picture its own."""
    x = x + _random(x) - 0.5
    grey = x.mean(1, keepdim=True)
    x = (x - grey) * (_random(x) * 2) + grey
    middle = x.mean((1, 2, 3), keepdim=True)
    return (x - middle) * (_random(x) + 0.5) + middle


def shifted(x: Tensor, most: int, mode: str = "constant") -> Tensor:
    """Each picture moved by -most..most whole pixels in both directions; what comes in is 0, or with the mode
    "replicate" the edge.
    """
    if most == 0:
        return x
    count, _, height, width = x.shape
    moves = torch.randint(0, 2 * most + 1, (2, count, 1), device=x.device)
    rows = (torch.arange(height, device=x.device) + moves[0])[:, :, None]
    columns = (torch.arange(width, device=x.device) + moves[1])[:, None, :]
    wide = F.pad(x, (most,) * 4, mode=mode).permute(0, 2, 3, 1)
    chosen = torch.arange(count, device=x.device)[:, None, None]
    return wide[chosen, rows, columns].permute(0, 3, 1, 2)


def cutout(x: Tensor) -> Tensor:
    """A square of half the side, somewhere about the picture, becomes 0."""
    count, _, height, width = x.shape
    side = width // 2
    corner = [
        torch.randint(-(side // 2), length - side // 2 + 1, (count, 1), device=x.device)
        for length in (height, width)
    ]
    inside = [
        (torch.arange(length, device=x.device) >= at) & (torch.arange(length, device=x.device) < at + side)
        for length, at in zip((height, width), corner, strict=True)
    ]
    return x * ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])


def _random(x: Tensor) -> Tensor:
    return torch.rand(len(x), 1, 1, 1, device=x.device)

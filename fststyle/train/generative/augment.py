"""DiffAugment: differentiable augmentation of real and generated images, so that the discriminator does not
overfit to a small dataset.

Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training" (arXiv:2006.10738). All
functions take images (N, C, H, W) in [-1, 1], and return images of the same shape. After `colored`, values
may be outside this range. The random numbers come from the global torch generator.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def augmented(x: Tensor) -> Tensor:
    """Return the images `x` after the three random augmentations that Zhao et al. (2020, section 4) use for
    small datasets: changed colors, a translation by up to 1/8 of the side, and a cutout with half the side.
    """
    return cutout(shifted(colored(x), round(x.shape[-1] / 8)))


def colored(x: Tensor) -> Tensor:
    """Return the images `x` with randomly changed brightness (-0.5..0.5 is added), saturation (factor 0..2)
    and contrast (factor 0.5..1.5). The random values are different for each image.
    """
    x = x + _random(x) - 0.5
    gray = x.mean(1, keepdim=True)
    x = (x - gray) * (_random(x) * 2) + gray
    middle = x.mean((1, 2, 3), keepdim=True)
    return (x - middle) * (_random(x) + 0.5) + middle


def shifted(x: Tensor, most: int, mode: str = "constant") -> Tensor:
    """Return images, each shifted by a random number of pixels from -`most` to `most` along each axis.

    Args:
        x: the images.
        most: largest shift in pixels. With 0, `x` itself is returned.
        mode: how pixels from outside the image are filled: "constant" (0) or "replicate".
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
    """Return the images `x` with a square in each of them set to 0. The square is half as wide as the image.
    Its position is random, and it may extend beyond the border.
    """
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
    """Return one uniform random number in 0..1 for each image, (N, 1, 1, 1)."""
    return torch.rand(len(x), 1, 1, 1, device=x.device)

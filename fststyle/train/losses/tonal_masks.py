"""Soft masks of the parts of a picture by luminance, from dark to light, for Gram matrices of each."""

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.colors import LUMA
from fststyle.train.losses.gram import gram_matrix

SQUARE = 8
"""Side of the squares of pixels whose mean luminance counts."""
_EPSILON = 1e-3
"""Added to the areas of the masks, so that parts of a few pixels have less weight."""


def masks_of_painting(painting: Tensor, parts: int) -> Tensor:
    """(1, 3, h, w) RGB in [-1, 1] -> (1, `parts`, h / 8, w / 8): how much each square belongs to each part,
    from dark to light, 0 to 1, with a sum of 1. The luminances are replaced by their ranks, so each painting
    has all parts.
    """
    light = F.avg_pool2d(luminance(painting), SQUARE)
    # Equal luminances have different ranks, so that a painting of one color has all parts too.
    rank = light.flatten().argsort(stable=True).argsort() / light.numel()
    return _masks(rank.view_as(light), parts)


def masks_of_photo(photo: Tensor, parts: int) -> Tensor:
    """(N, 3, H, W) RGB in [-1, 1] -> (N, `parts`, H / 8, W / 8), as `masks_of_painting`, by the luminance
    itself. A night scene has dark parts only.
    """
    return _masks((F.avg_pool2d(luminance(photo), SQUARE) + 1) / 2, parts)


def _masks(rank: Tensor, parts: int) -> Tensor:
    if parts == 1:
        return torch.ones_like(rank)
    smooth = F.avg_pool2d(F.pad(rank, (1, 1, 1, 1), mode="replicate"), 3, 1).clamp(0, 1)
    centers = torch.linspace(0, 1, parts, device=rank.device).view(1, -1, 1, 1)
    return (1 - (smooth - centers).abs() * (parts - 1)).clamp(min=0)


def masked_grams(activation: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """The Gram matrices of the parts of `activation`, (N, C, h, w), and the areas of the parts.

    `masks` are (N, K, H, W) and are resized. Returns (N, K, C, C), each the mean over the pixels of its part
    ("guided Gram matrices", Gatys et al. 2017, arXiv:1611.07865, equation 8), and (N, K), which sum to 1.
    """
    masks = F.interpolate(masks, activation.shape[2:], mode="bilinear", align_corners=False)
    areas = masks.mean((2, 3))
    roots = masks.sqrt().to(activation.dtype)
    grams = [gram_matrix(activation * root) for root in roots.split(1, 1)]
    return torch.stack(grams, 1) / (areas + _EPSILON)[..., None, None], areas


def luminance(image: Tensor) -> Tensor:
    """(N, 3, H, W) RGB -> (N, 1, H, W) float32, the luma of ITU-R BT.601, in the range of `image`."""
    weights = torch.tensor(LUMA, device=image.device)
    return torch.einsum("nchw,c->nhw", image.float(), weights)[:, None]

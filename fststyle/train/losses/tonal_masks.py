"""Soft masks of the dark, the middle and the light parts of a picture, for Gram matrices of each."""

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.train.losses.gram import gram_matrix

SQUARE = 8
"""Side of the squares of pixels whose mean luminance counts."""
_CENTERS = 0.0, 0.5, 1.0
_LEAST = 1e-3
"""Added to the areas of the masks: parts of a few pixels count less."""


def masks_of_painting(painting: Tensor) -> Tensor:
    """(1, 3, h, w) RGB in [-1, 1] -> (1, 3, h / 8, w / 8): how much each square belongs to the dark, the
    middle and the light parts, 0 to 1, with a sum of 1. The luminances are replaced by their ranks, so each
    painting has all three.
    """
    light = F.avg_pool2d(luminance(painting), SQUARE)
    sorted_light = light.flatten().sort().values
    rank = torch.searchsorted(sorted_light, light.flatten()) / len(sorted_light)
    return _masks(rank.view_as(light))


def masks_of_photo(photo: Tensor) -> Tensor:
    """(N, 3, H, W) RGB in [-1, 1] -> (N, 3, H / 8, W / 8), as `masks_of_painting`, by the luminance itself.
    So a night has dark parts only.
    """
    return _masks((F.avg_pool2d(luminance(photo), SQUARE) + 1) / 2)


def _masks(rank: Tensor) -> Tensor:
    smooth = F.avg_pool2d(F.pad(rank, (1, 1, 1, 1), mode="replicate"), 3, 1).clamp(0, 1)
    centers = torch.tensor(_CENTERS, device=rank.device).view(1, -1, 1, 1)
    return (1 - (smooth - centers).abs() * 2).clamp(min=0)


def masked_grams(activation: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """The Gram matrices of the parts of `activation`, (N, C, h, w), and the areas of the parts.

    `masks` are (N, K, H, W) and are resized. Returns (N, K, C, C), each the mean over the pixels of its part
    ("guided Gram matrices", Gatys et al. 2017, arXiv:1611.07865, equation 8), and (N, K), which sum to 1.
    """
    masks = F.interpolate(masks, activation.shape[2:], mode="bilinear", align_corners=False)
    areas = masks.mean((2, 3))
    roots = masks.sqrt().to(activation.dtype)
    grams = [gram_matrix(activation * root) for root in roots.split(1, 1)]
    return torch.stack(grams, 1) / (areas + _LEAST)[..., None, None], areas


def luminance(image: Tensor) -> Tensor:
    """(N, 3, H, W) RGB -> (N, 1, H, W) float32, the luma of ITU-R BT.601, in the range of `image`."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=image.device)
    return torch.einsum("nchw,c->nhw", image.float(), weights)[:, None]

"""Soft masks of an image by luminance, from dark to light, and the Gram matrices of each masked part."""

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.colors import LUMA
from fststyle.train.losses.gram import gram_matrix

SQUARE = 8
"""Side of the squares over which the luminance is averaged, in pixels."""
_EPSILON = 1e-3
"""Constant that is added to the areas of the masks, so that parts of a few pixels have less weight."""


def style_masks(style_image: Tensor, parts: int) -> Tensor:
    """Return soft masks of a style image by luminance, from dark to light: (1, `parts`, h / 8, w / 8) in
    0..1.

    The size is rounded down. At each position, the masks sum to 1. Luminances are replaced by their ranks, so
    every style image has all parts.

    Args:
        style_image: the style image, (1, 3, h, w) RGB in [-1, 1].
        parts: number of luminance ranges.
    """
    light = F.avg_pool2d(luminance(style_image), SQUARE)
    # Equal luminances have different ranks, so a style image of one color has all parts too.
    rank = light.flatten().argsort(stable=True).argsort() / light.numel()
    return _masks(rank.view_as(light), parts)


def photo_masks(photo: Tensor, parts: int) -> Tensor:
    """Return soft masks of photos by luminance, from dark to light: (N, `parts`, H / 8, W / 8) in 0..1.

    They are like those of `style_masks`, but depend on the luminance itself instead of its rank. A night
    scene therefore has dark parts only.

    Args:
        photo: photos, (N, 3, H, W) RGB in [-1, 1].
        parts: number of luminance ranges.
    """
    return _masks((F.avg_pool2d(luminance(photo), SQUARE) + 1) / 2, parts)


def _masks(rank: Tensor, parts: int) -> Tensor:
    """Return the masks, (N, `parts`, h, w), for `rank`, (N, 1, h, w): the luminances or their ranks, in 0..1.

    `rank` is first averaged over 3 x 3 positions. Each mask is then a triangular function of this average: 1
    at the center of its range, decreasing to 0 at the neighboring centers. With one part, the mask is 1
    everywhere.
    """
    if parts == 1:
        return torch.ones_like(rank)
    smooth = F.avg_pool2d(F.pad(rank, (1, 1, 1, 1), mode="replicate"), 3, 1).clamp(0, 1)
    centers = torch.linspace(0, 1, parts, device=rank.device).view(1, -1, 1, 1)
    return (1 - (smooth - centers).abs() * (parts - 1)).clamp(min=0)


def masked_grams(activation: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Gram matrix of each masked part, and the area of each part.

    Each matrix contains the mean products of the channels over the pixels of a part, divided by C ("guided
    Gram matrices", Gatys et al. 2017, arXiv:1611.07865, equation 8).

    Args:
        activation: (N, C, h, w).
        masks: (N, K, H, W) of any size H x W, with a sum of 1 at each position. They are resized to h x w.

    Returns:
        The Gram matrices, (N, K, C, C), and the areas, (N, K), which sum to 1.
    """
    masks = F.interpolate(masks, activation.shape[2:], mode="bilinear", align_corners=False)
    areas = masks.mean((2, 3))
    roots = masks.sqrt().to(activation.dtype)
    grams = [gram_matrix(activation * root) for root in roots.split(1, 1)]
    return torch.stack(grams, 1) / (areas + _EPSILON)[..., None, None], areas


def luminance(image: Tensor) -> Tensor:
    """Return the luma (ITU-R BT.601) of RGB images (N, 3, H, W), float32 (N, 1, H, W). Its range is that of
    the images.
    """
    weights = torch.tensor(LUMA, device=image.device)
    return torch.einsum("nchw,c->nhw", image.float(), weights)[:, None]

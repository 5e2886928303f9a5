"""Smoothing along brush strokes, which removes weave, dots and hatching.

Kyprianidis and Kang 2011, "Image and Video Abstraction by Coherence-Enhancing Filtering": a line integral
convolution along the directions of least change, which are the eigenvectors of a smoothed structure tensor.
Departures: one pass, Euler steps of one pixel, and an unsharp mask instead of the shock filter.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.train.gaussian_blur import gaussian_blur

TENSOR_SIGMA = 4.0
"""Standard deviation of the Gaussian blur of the structure tensor, in pixels."""
SHARP_SIGMA, SHARP = 1.2, 0.5
"""Standard deviation, in pixels, and amount of the unsharp mask."""


def smooth_along_strokes(image: Tensor, length: int) -> Tensor:
    """Return images smoothed along their brush strokes and then sharpened with an unsharp mask.

    Args:
        image: RGB (N, 3, H, W) in [-1, 1].
        length: number of pixels that are averaged in each of the two directions of a stroke, with Gaussian
            weights whose standard deviation is `length` / 2.5. If it is 0, `image` is returned.

    Returns:
        RGB (N, 3, H, W). Values may be slightly outside [-1, 1].
    """
    if not length:
        return image
    tangent = _tangents(image)
    sides = (torch.arange(side, dtype=image.dtype, device=image.device) for side in image.shape[2:])
    rows, columns = torch.meshgrid(*sides, indexing="ij")
    start = torch.stack([columns, rows])
    total, weights = image, 1.0
    for sign in (1, -1):
        position, direction = start.expand_as(tangent), sign * tangent
        for distance in range(1, length + 1):
            position = position + direction
            weight = math.exp(-((2.5 * distance / length) ** 2) / 2)
            total = total + weight * _sampled(image, position, "bilinear")
            weights += weight
            # A tangent has no sign: continue on the side of the previous step.
            following = _sampled(tangent, position, "nearest")
            ahead = (following * direction).sum(1, keepdim=True) >= 0
            direction = torch.where(ahead, following, -following)
    smooth = total / weights
    return smooth + SHARP * (smooth - gaussian_blur(smooth, SHARP_SIGMA))


def _tangents(image: Tensor) -> Tensor:
    """Return the direction of the strokes at each pixel of `image`, as unit vectors (x, y), (N, 2, H, W).

    It is the direction of least change, from the smoothed structure tensor. Its sign is arbitrary.
    """
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    smooth_y = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    smooth_x = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]
    dx, dy = smooth_y[..., 2:] - smooth_y[..., :-2], smooth_x[:, :, 2:] - smooth_x[:, :, :-2]
    tensor = torch.stack([(dx * dx).sum(1), (dx * dy).sum(1), (dy * dy).sum(1)], 1)
    xx, xy, yy = gaussian_blur(tensor, TENSOR_SIGMA).unbind(1)
    angle = torch.atan2(2 * xy, xx - yy) / 2 + torch.pi / 2
    return torch.stack([angle.cos(), angle.sin()], 1)


def _sampled(image: Tensor, position: Tensor, mode: str) -> Tensor:
    """Return the values of `image` (N, C, H, W) at the positions (x, y) in pixels, (N, 2, H, W)."""
    height, width = image.shape[2:]
    size = position.new_tensor([width - 1, height - 1])
    grid = 2 * position.permute(0, 2, 3, 1) / size - 1
    return F.grid_sample(image, grid, mode, padding_mode="reflection", align_corners=True)

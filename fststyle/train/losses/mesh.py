"""A loss against a fine mesh of lines along the rows and columns of pixels, for tools/remove_mesh.py.

It is no part of the trainings, where it makes strokes soft (docs/experiments.md, fifth series).

All images are RGB (N, 3, H, W) in [-1, 1]. The loss returns one float32 value per picture, (N,); the loss of
a batch is the mean.
"""

import torch
from torch import Tensor

from fststyle.train.losses.tonal_masks import luminance

BANDS = ((0.2, 0.3), (0.3, 0.4), (0.4, 0.5))
"""Spatial frequencies in cycles per pixel: lines that repeat every 2 to 5 pixels."""
AXIS = 8.0
"""Degrees from a row or column of the spectrum within which a frequency counts as parallel to the pixels."""
FLAT = 1e-3
"""Power that is added to both sides of the ratio, so that flat pictures have the ratio 1."""
SMALLEST_LIMIT = 0.2
"""Log ratio that every picture may have."""


def mesh_log_ratio(image: Tensor) -> Tensor:
    """Per picture and band, (N, 3): log of the mean power of the luminance along rows and columns, relative
    to the mean power in all other directions. Random texture has 0, a mesh or straight edges have more.
    """
    along, across = _powers(image)
    return along - across


def mesh_loss(image: Tensor, limit: Tensor) -> Tensor:
    """Per picture, (N,): by how much `mesh_log_ratio` of `image` exceeds `limit`, (N or 1, 3), summed over
    the bands.

    A network whose head writes blocks of pixels draws lines of two or three pixels along rows and columns
    more easily than in other directions. The style loss hardly detects them. The limit is the ratio of the
    photo, so straight edges are no error. The gradient of the power in other directions is not used: adding
    diagonal noise must not reduce the loss. We know of no paper with this loss.
    """
    along, across = _powers(image)
    return (along - across.detach() - limit.clamp(min=SMALLEST_LIMIT)).clamp(min=0).sum(1)


def _powers(image: Tensor) -> tuple[Tensor, Tensor]:
    """Log of the mean power along rows and columns and in all other directions, (N, 3) each."""
    light = luminance(image)[:, 0]
    height, width = light.shape[1:]
    light = light - light.mean((1, 2), keepdim=True)
    window = torch.outer(
        torch.hann_window(height, device=image.device), torch.hann_window(width, device=image.device)
    )
    power = torch.fft.rfft2(light * window).abs().square()
    down, right = torch.meshgrid(
        torch.fft.fftfreq(height, device=image.device).abs(),
        torch.fft.rfftfreq(width, device=image.device),
        indexing="ij",
    )
    frequency, angle = torch.hypot(down, right), torch.rad2deg(torch.atan2(down, right))
    parallel = (angle < AXIS) | (angle > 90 - AXIS)
    along, across = [], []
    for low, high in BANDS:
        band = (frequency >= low) & (frequency < high)
        along.append((power[:, band & parallel].mean(1) + FLAT).log())
        across.append((power[:, band & ~parallel].mean(1) + FLAT).log())
    return torch.stack(along, 1), torch.stack(across, 1)

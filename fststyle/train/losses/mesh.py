"""A loss that penalizes a mesh of fine lines along rows and columns of pixels, for tools/retouch.py.

No training command uses it, since it softens brush strokes (docs/experiments.md, fifth series).

All images are RGB (N, 3, H, W) in [-1, 1]. The loss returns one float32 value per image, (N,). The loss of a
batch is their mean.
"""

import torch
from torch import Tensor

from fststyle.train.losses.tonal_masks import luminance

BANDS = ((0.2, 0.3), (0.3, 0.4), (0.4, 0.5))
"""Bands of spatial frequency in cycles per pixel: lines that repeat every 2 to 5 pixels."""
AXIS = 8.0
"""Angle in degrees. Frequencies within this angle of an axis of the spectrum count as lines along rows or
columns.
"""
FLAT = 1e-3
"""Power that is added to both terms of the ratio, so that the ratio of a flat image is 1."""
SMALLEST_LIMIT = 0.2
"""Smallest limit of the log ratio. Up to this value, no image is penalized."""


def mesh_log_ratio(image: Tensor) -> Tensor:
    """Return the natural logarithm of a ratio of spectral powers, per image and frequency band of `BANDS`,
    (N, 3).

    The ratio is the mean power of lines along rows and columns divided by that of lines in all other
    directions, in the spectrum of the luminance. Its logarithm is near 0 for random texture, and higher for a
    mesh or for straight edges.
    """
    along, across = _powers(image)
    return along - across


def mesh_loss(image: Tensor, limit: Tensor) -> Tensor:
    """Return the loss per image, (N,): amount by which `mesh_log_ratio` exceeds `limit`, summed over the
    bands.

    A network whose last layer outputs blocks of pixels draws lines of two or three pixels along rows and
    columns more easily than in other directions. The style loss hardly detects them. No gradient flows
    through the power in other directions, since adding diagonal noise must not reduce the loss. We know of no
    paper with this loss.

    Args:
        image: (N, 3, H, W) RGB in [-1, 1].
        limit: allowed log ratio, (N or 1, 3), for example that of the photo, so that straight edges are not
            penalized. Values below `SMALLEST_LIMIT` are raised to it.
    """
    along, across = _powers(image)
    return (along - across.detach() - limit.clamp(min=SMALLEST_LIMIT)).clamp(min=0).sum(1)


def _powers(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the natural logarithm of the mean power of lines along rows and columns, and that of lines in
    all other directions, per image and frequency band of `BANDS`: (N, 3) each.
    """
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

"""Temporal loss from still photos: a shifted crop with noise must be stylized consistently.

The compound regularization of Wang et al. 2020 (ReReVST, arXiv:2003.12063, section III-C): warp a photo by a
random flow, add noise, and require that the stylized image moves with it. Departures:

* The flow is a single shift by whole pixels instead of a smooth random field. It needs no interpolation,
  whose blur the network would learn. It also penalizes what matters most: texture that is fixed to the screen
  or to the stride of the network, which flickers in videos and is visible as a grid in still images.
* Both inputs are crops of a larger photo, so that borders of one crop lie inside the other and are compared
  too. If the comparison excluded the borders, the network would learn to place inconsistent strokes there.
"""

import torch
from torch import Tensor

REACH = 8
"""Largest shift along each axis, in pixels."""
CUT = 16
"""Number of pixels by which the crops are smaller than the photo along each axis. It is at least `REACH`, and
a multiple of the stride of every network.
"""
GRAIN = 4.0
"""Standard deviation (0-255) of the noise that is added to the second of two crops."""

Shift = tuple[int, int]
"""Displacement (down, right) in pixels. Negative values are upwards or to the left."""


def shifted_crops(photo: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Shift]:
    """Return two crops of each photo, and the shift of the scene between them.

    Args:
        photo: photos, (N, 3, H, W) in [-1, 1].
        generator: source of the random shift and of the noise.

    Returns:
        The two crops, (N, 3, H - `CUT`, W - `CUT`) each, the second with added noise, and the displacement of
        the scene from the first crop to the second. It is the same for all photos: -`REACH` to `REACH` pixels
        down and right, not both zero.
    """
    down, right = 0, 0
    while not (down or right):
        down, right = (int(value) for value in torch.randint(-REACH, REACH + 1, (2,), generator=generator))
    height, width = (side - CUT for side in photo.shape[2:])
    here, there = (
        photo[:, :, max(0, y) : max(0, y) + height, max(0, x) : max(0, x) + width]
        for y, x in ((down, right), (-down, -right))
    )
    # One noise field for all images of a step, so that the result does not depend on the number of processes.
    noise = torch.randn(there.shape[1:], generator=generator).to(photo) * (GRAIN / 127.5)
    return here, (there + noise).clamp(-1, 1), (down, right)


def temporal_loss(first: Tensor, second: Tensor, shift: Shift) -> Tensor:
    """Return the temporal loss per image, (N,): mean squared error of pixel values in 0-255 between two
    stylized crops, over the part of the scene that is visible in both.

    Args:
        first, second: stylized versions of the crops of `shifted_crops`, (N, 3, H, W) in [-1, 1].
        shift: the displacement that `shifted_crops` returned with them.
    """
    height, width = first.shape[2:]
    down, right = shift
    here = first[:, :, max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    there = second[:, :, max(0, down) : height - max(0, -down), max(0, right) : width - max(0, -right)]
    return ((there - here) * 127.5).square().mean(dim=(1, 2, 3))

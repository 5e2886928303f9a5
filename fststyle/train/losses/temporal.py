"""Temporal consistency learned from still photos: a shifted crop with noise must be stylized consistently.

The compound regularization of Wang et al. 2020 (ReReVST, arXiv:2003.12063, section III-C): warp a photo by a
random flow, add noise, and require that the stylized picture moves with it. Departures:

* The flow is a single shift by whole pixels instead of a smooth random field. It needs no interpolation,
  whose blur the network would learn. It also penalizes what matters most: texture fixed to the screen or to
  the stride of the network, which flickers in videos and shows as a grid in still pictures.
* Both pictures are crops of a larger one, so the border of one lies inside the other. If borders were left
  out of the comparison, the network would learn to put inconsistent strokes there.
"""

import torch
from torch import Tensor

REACH = 8
"""Largest shift along each axis, in pixels."""
CUT = 16
"""Difference in size between the photo and the crops, in pixels: at least `REACH`, and a multiple of the
stride of every network.
"""
GRAIN = 4.0
"""Standard deviation of the noise (0-255)."""

Shift = tuple[int, int]


def shifted_crops(photo: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Shift]:
    """(N, 3, H, W) in [-1, 1] -> two crops (N, 3, H - `CUT`, W - `CUT`), the second noisy, and the shift.

    The shift is the displacement of the scene in the second crop, down and right, from -`REACH` to `REACH`
    pixels each and not both zero.
    """
    down, right = 0, 0
    while not (down or right):
        down, right = (int(value) for value in torch.randint(-REACH, REACH + 1, (2,), generator=generator))
    height, width = (side - CUT for side in photo.shape[2:])
    here, there = (
        photo[:, :, max(0, y) : max(0, y) + height, max(0, x) : max(0, x) + width]
        for y, x in ((down, right), (-down, -right))
    )
    # One noise field for all pictures of a step, so that the number of processes does not matter.
    noise = torch.randn(there.shape[1:], generator=generator).to(photo) * (GRAIN / 127.5)
    return here, (there + noise).clamp(-1, 1), (down, right)


def temporal_loss(painted: Tensor, shaken: Tensor, shift: Shift) -> Tensor:
    """Per picture, (N,): MSE (0-255) between `painted` moved by `shift` and `shaken`, over their overlap.

    Both are (N, 3, H, W) in [-1, 1].
    """
    height, width = painted.shape[2:]
    down, right = shift
    here = painted[:, :, max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    there = shaken[:, :, max(0, down) : height - max(0, -down), max(0, right) : width - max(0, -right)]
    return ((there - here) * 127.5).square().mean(dim=(1, 2, 3))

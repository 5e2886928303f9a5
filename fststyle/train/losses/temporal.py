"""Steadiness learned without videos: the same scene, moved a little and with other noise, must be painted the
same.

The compound regularisation of Wang et al. 2020 (ReReVST, arXiv:2003.12063, section III-C): warp a still by a
random flow, add noise, and ask that the painting moves with it. Departures: the flow is one shift by whole
pixels instead of a smooth random field. It needs no interpolation, whose blur the network would learn to
paint, and it says the most where it matters: a texture that sticks to the screen, or to the network's stride,
is what flickers in a video and what shows as a grid in a still. And both pictures are cut out of a larger
one, so that what lies at the edge of one lies inside the other: an edge that is left out, since something
else has moved in there, is where a network learns to put the strokes that steadiness forbids.
"""

import torch
from torch import Tensor

REACH = 8
"""Pixels that a scene moves, at most, along each axis."""
CUT = 16
"""Pixels by which both views are smaller than the photo: at least `REACH`, and a multiple of every network's
stride.
"""
GRAIN = 4.0
"""Standard deviation of the noise, in levels of 0..255."""

Shift = tuple[int, int]


def shake(photo: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Shift]:
    """(N, 3, H, W) in [-1, 1] -> two cuttings (N, 3, H - `CUT`, W - `CUT`), the second with noise.

    And how much further down and right the scene lies in the second, up to `REACH` pixels either way, never
    none.
    """
    down, right = 0, 0
    while not (down or right):
        down, right = (int(value) for value in torch.randint(-REACH, REACH + 1, (2,), generator=generator))
    height, width = (side - CUT for side in photo.shape[2:])
    here, there = (
        photo[:, :, max(0, y) : max(0, y) + height, max(0, x) : max(0, x) + width]
        for y, x in ((down, right), (-down, -right))
    )
    # One field of noise for all pictures of a step, so that several processes see what one would.
    noise = torch.randn(there.shape[1:], generator=generator).to(photo) * (GRAIN / 127.5)
    return here, (there + noise).clamp(-1, 1), (down, right)


def steady_loss(painted: Tensor, shaken: Tensor, shift: Shift) -> Tensor:
    """Per picture, (N,): mean squared difference, in levels of 0..255, between the painting moved by `shift`
    and that of the shaken picture.

    Both (N, 3, H, W) in [-1, 1]; over all that both show.
    """
    height, width = painted.shape[2:]
    down, right = shift
    here = painted[:, :, max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    there = shaken[:, :, max(0, down) : height - max(0, -down), max(0, right) : width - max(0, -right)]
    return ((there - here) * 127.5).square().mean(dim=(1, 2, 3))

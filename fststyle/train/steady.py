"""Steadiness learned without videos: the same scene, moved a little and with other noise, must be painted the same.

The compound regularisation of Wang et al. 2020 (ReReVST, arXiv:2003.12063, section III-C): warp a still by a random flow, add noise, and ask that the
painting moves with it. Departure: the flow is one shift by whole pixels instead of a smooth random field. It needs no interpolation, whose blur the
network would learn to paint, and it says the most where it matters: a texture that sticks to the screen, or to the network's stride, is what
flickers in a video and what shows as a grid in a still.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

REACH = 9
"""Pixels that a scene moves, at most, along each axis: more than the stride of any network here."""
GRAIN = 4.0
"""Standard deviation of the noise, in levels of 0..255."""

Shift = tuple[int, int]


def shake(photo: Tensor, generator: torch.Generator) -> tuple[Tensor, Shift]:
    """(N, 3, H, W) in [-1, 1] -> the same pictures moved by up to `REACH` pixels, with noise; and the shift (down, right), never none.

    What moves in from outside the picture repeats its edge.
    """
    down, right = 0, 0
    while not (down or right):
        down, right = (int(value) for value in torch.randint(-REACH, REACH + 1, (2,), generator=generator))
    height, width = photo.shape[2:]
    padded = F.pad(photo, (REACH, REACH, REACH, REACH), mode="replicate")
    moved = padded[:, :, REACH - down : REACH - down + height, REACH - right : REACH - right + width]
    # One field of noise for all pictures of a step, so that several processes see what one would.
    noise = torch.randn(photo.shape[1:], generator=generator).to(photo) * (GRAIN / 127.5)
    return (moved + noise).clamp(-1, 1), (down, right)


def steady_loss(painted: Tensor, shaken: Tensor, shift: Shift) -> Tensor:
    """Per picture, (N,): mean squared difference, in levels of 0..255, between the painting moved by `shift` and that of the shaken picture.

    Both (N, 3, H, W) in [-1, 1]. Left out is a frame of 2 x `REACH` pixels, which sees what moved in at the edge; of pictures too small for that, of `REACH`.
    """
    height, width = painted.shape[2:]
    frame = 2 * REACH if min(height, width) >= 6 * REACH else REACH
    down, right = shift
    there = shaken[:, :, frame : height - frame, frame : width - frame]
    here = painted[:, :, frame - down : height - frame - down, frame - right : width - frame - right]
    return ((there - here) * 127.5).square().mean(dim=(1, 2, 3))

"""Surroundings of the window that the losses compare.

The network stylizes more of the photo than the window, which lies at a random place of it. If it saw the
window alone, it would detect its border by the padding of the convolutions, learn the distance to the border
and paint by it: *The Scream* then has an orange band along the upper edge of every photo. And in a picture of
a thousand pixels most places are further from the border than any place of a training crop, and skies stay
empty there. The loss network takes most of the time of a step and sees only the window. We know of no paper
with this method.
"""

import torch

SURPLUS = 192
"""The network sees so many pixels more than the window, along each axis."""
_MULTIPLE = 16

Window = tuple[slice, slice]


def surplus(side: int) -> int:
    """Pixels that the network sees beyond a window of `side` pixels: `SURPLUS`, or less for small windows, at
    most three quarters of the side, a multiple of the stride of every network.
    """
    return min(SURPLUS, max(_MULTIPLE, side * 3 // 4 // _MULTIPLE * _MULTIPLE))


def random_window(side: int, whole: int, generator: torch.Generator) -> Window:
    """The rows and columns of a square of `side` pixels at a random place of one of `whole` pixels."""
    top, left = (int(value) for value in torch.randint(whole - side + 1, (2,), generator=generator))
    return slice(top, top + side), slice(left, left + side)

"""Surroundings of the window in which the losses are computed.

The network stylizes a larger crop than the window, which has a random position in it. With the window alone,
the network would detect the border by the padding of the convolutions, and its output would depend on the
distance to the border: *The Scream* then has an orange band along the upper edge of every photo. In addition,
most positions in a picture of a thousand pixels are farther from the border than any position in a training
crop, and skies stay empty there. The loss network, which takes most of the time of a step, processes only the
window. We know of no paper with this method.
"""

import torch

SURPLUS = 192
"""Number of pixels by which the network input exceeds the window along each axis."""
_MULTIPLE = 16

Window = tuple[slice, slice]


def surplus(side: int) -> int:
    """Number of pixels by which the network input exceeds a window of `side` pixels: `SURPLUS`, or less for
    small windows (at most three quarters of the side). A multiple of the stride of every network.
    """
    return min(SURPLUS, max(_MULTIPLE, side * 3 // 4 // _MULTIPLE * _MULTIPLE))


def random_window(side: int, whole: int, generator: torch.Generator) -> Window:
    """The rows and columns of a square of `side` pixels at a random place of one of `whole` pixels."""
    top, left = (int(value) for value in torch.randint(whole - side + 1, (2,), generator=generator))
    return slice(top, top + side), slice(left, left + side)

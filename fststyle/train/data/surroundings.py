"""Training crops that are larger than the window in which the losses are computed.

The network stylizes a crop that is larger than the window. The window has a random position in the crop. If
the input of the network were the window alone, the network would detect the border by the padding of the
convolutions, and its output would depend on the distance to the border: a network for *The Scream* then
paints an orange band along the upper edge of every photo. In addition, most positions in a large image would
be farther from the border than any position in training, and skies would stay empty at these positions. The
loss network, which takes most of the time of a step, processes only the window. We know of no paper with this
method.
"""

import torch

SURPLUS = 192
"""Number of pixels by which the network input exceeds the window along each axis, if the window is large
enough.
"""
_MULTIPLE = 16
"""A common multiple of the strides of all networks."""

Window = tuple[slice, slice]
"""Rows and columns of an image."""


def surplus(side: int) -> int:
    """Return the number of pixels by which the network input exceeds a window of `side` x `side` pixels along
    each axis.

    It is `SURPLUS` or three quarters of `side`, whichever is smaller, rounded down to a multiple of
    `_MULTIPLE`, but at least `_MULTIPLE`.
    """
    return min(SURPLUS, max(_MULTIPLE, side * 3 // 4 // _MULTIPLE * _MULTIPLE))


def random_window(side: int, whole: int, generator: torch.Generator) -> Window:
    """Return the rows and columns of a random window of `side` x `side` pixels within an image of `whole` x
    `whole` pixels.
    """
    top, left = (int(value) for value in torch.randint(whole - side + 1, (2,), generator=generator))
    return slice(top, top + side), slice(left, left + side)

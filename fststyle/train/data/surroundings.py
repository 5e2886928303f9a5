"""Random reflection padding of the training crops, so that the border of the input says nothing about the
place in the picture.

All crops have the same size, and a network detects its border by the padding of the convolutions. Without
this padding it learns the distance to the border and paints by it: *The Scream* then has an orange band along
the upper edge of every photo, whatever is there. The padding moves the crop to a random place in a larger
input; the losses see only the crop. We know of no paper with this method.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

SURPLUS = 96
"""The input of the network is wider and higher than the crop by so many pixels."""
_MULTIPLE = 16

Place = tuple[slice, slice]


def surplus(side: int) -> int:
    """Pixels added to a photo whose shorter side is `side`: `SURPLUS`, or less for small photos, at most half
    the side, a multiple of the stride of every network.
    """
    return min(SURPLUS, side // 2 // _MULTIPLE * _MULTIPLE)


def surround(photo: Tensor, generator: torch.Generator) -> tuple[Tensor, Place]:
    """(N, 3, H, W) -> (N, 3, H + surplus, W + surplus) by reflection, and the place of the photo in it.

    All photos of a batch have the same random place.
    """
    height, width = photo.shape[2:]
    more = surplus(min(height, width))
    top, left = (int(value) for value in torch.randint(more + 1, (2,), generator=generator))
    wide = F.pad(photo, (left, more - left, top, more - top), mode="reflect")
    return wide, (slice(top, top + height), slice(left, left + width))

"""More local contrast for the photo that the content loss compares with.

Departure from Johnson et al. 2016, who compare with the photo itself; optional. A network that balances
content and style loss first loses the contrast of small parts, such as eyes, and the edges of objects,
most of all for faint paintings. After unsharp masking, which adds the difference to blurred copies at two
sizes, the photo has more of both.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.train.losses.tonal_masks import luminance

AMOUNTS = {5: 0.3, 31: 0.8}
"""For edges, and for parts of objects: side in pixels of the box filter, which is applied twice -> fraction
of the difference from the blurred copy that is added."""
SLOPE = 1.4
"""Steepness of the tone curve."""
SATURATION = 0.6
"""Fraction of the chroma that remains: colors come from the painting."""


def more_contrast(photo: Tensor, strength: float) -> Tensor:
    """`photo`, (N, 3, H, W) RGB in [-1, 1], with more local contrast; the same shape and range.

    Args:
        strength: factor of the unsharp masking, at least 0. With 0, the photo itself is returned.
    """
    if not strength:
        return photo
    light = luminance(photo)
    sharp = light + strength * sum(part * (light - _blurred(light, side)) for side, part in AMOUNTS.items())
    curved = torch.tanh(SLOPE * sharp) / math.tanh(SLOPE)
    return (curved + SATURATION * (photo - light)).clamp(-1, 1)


def _blurred(image: Tensor, side: int) -> Tensor:
    for _ in range(2):
        image = F.avg_pool2d(F.pad(image, (side // 2,) * 4, mode="replicate"), side, 1)
    return image

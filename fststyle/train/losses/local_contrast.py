"""Local contrast enhancement of the photo that the content loss compares with.

Optional departure from Johnson et al. 2016, who compare with the photo itself. A network that balances
content and style loss first loses the contrast of small parts, such as eyes, and the edges of objects,
especially with faint style images. Unsharp masking, which adds the difference from blurred copies of two
sizes, gives the photo more of both.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.train.losses.tonal_masks import luminance

AMOUNTS = {5: 0.3, 31: 0.8}
"""Unsharp masks, for edges and for parts of objects: side of the box filter in pixels, which is applied twice
-> fraction of the difference from the blurred copy that is added.
"""
SLOPE = 1.4
"""Steepness of the tone curve."""
SATURATION = 0.6
"""Fraction of the chroma that is kept. Colors come from the style image."""


def more_contrast(photo: Tensor, strength: float) -> Tensor:
    """Return photos with more local contrast, of the same shape and range.

    Args:
        photo: (N, 3, H, W) RGB in [-1, 1].
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

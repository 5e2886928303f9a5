"""Local contrast enhancement of the photo that is the target of the content loss.

Optional departure from Johnson et al. 2016, whose target is the photo itself. When a network balances
content and style loss, the contrast of small parts, such as eyes, and the edges of objects are lost first,
especially with faint style images. Unsharp masking at two scales, which adds the difference from a blurred
copy, increases both.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.train.losses.tonal_masks import luminance

AMOUNTS = {5: 0.3, 31: 0.8}
"""Unsharp masks, one for edges and one for parts of objects. Keys: side in pixels of the box filter, which is
applied twice. Values: fraction of the difference from the blurred copy that is added.
"""
SLOPE = 1.4
"""Steepness of the tone curve."""
SATURATION = 0.6
"""Fraction of the chroma that is kept. The colors should come from the style image."""


def more_contrast(photo: Tensor, strength: float) -> Tensor:
    """Return photos with more local contrast, a steeper tone curve and less chroma, (N, 3, H, W) in [-1, 1].

    Args:
        photo: (N, 3, H, W) RGB in [-1, 1].
        strength: factor of the unsharp masking, at least 0. With 0, `photo` itself is returned. The tone
            curve and the reduction of the chroma are the same for all other values.
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

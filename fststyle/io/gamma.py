"""Conversion of PNG images with a gAMA chunk to sRGB."""

import numpy as np
from PIL import Image

from fststyle.arrays import RGB, Pixels

_USUAL = 1 / 2.2
_TOLERANCE = 0.05
_LOWEST, _HIGHEST = 0.05, 20.0


def of(image: Image.Image) -> float | None:
    """Return the exponent in the gAMA chunk of a PNG image.

    The stored values are linear light raised to this exponent. The function returns None if the image should
    not be converted: if it is not a PNG image or has no gAMA chunk, if it has a color profile or an sRGB
    chunk (which take precedence according to the PNG specification), or if the exponent is within 5% of
    1/2.2, which is close to sRGB, or implausible (below 0.05 or above 20).
    """
    if image.format != "PNG" or image.info.get("icc_profile") or "srgb" in image.info:
        return None
    gamma = image.info.get("gamma")
    if not isinstance(gamma, float) or not _LOWEST <= gamma <= _HIGHEST:
        return None
    return gamma if abs(gamma / _USUAL - 1) > _TOLERANCE else None


def in_srgb(rgb: RGB, gamma: float) -> RGB:
    """Return an image converted to sRGB, as uint8 of the same shape.

    ``gamma`` is the exponent that `of` returns: the values of ``rgb``, divided by 255, are linear light
    raised to this exponent.
    """
    light = (np.arange(256) / 255) ** (1 / gamma)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    table: Pixels = np.rint(255 * coded).clip(0, 255).astype(np.uint8)
    return table[rgb]

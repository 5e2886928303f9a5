"""Keep sharp details of the photo, such as eyes, windows and lettering, in the stylized image.

Networks draw strokes over small structures. Where the photo is sharp, a guided filter (He and Sun 2015, "Fast
Guided Filter", arXiv:1505.00996) with the luma of the photo as the guide removes these strokes: locally, each
channel of its result is a linear function of the guide, so that the colors are those of the stylized image
and the structure is that of the photo. Flat and blurred regions of the photo keep their strokes, as well as
most of dense texture, such as foliage and fur, which looks like a photo after this filter.

Departures: a small fraction of the details of the photo within a square is added, and the result is blended
with the stylized image.
"""

import cv2
import numpy as np

from fststyle.arrays import RGB, Floats, Gray

BLOCK = 4
"""Side of the squares of pixels whose means are used, in pixels: an even number, since half of the pixels
suffice. The windows of the filter consist of 3x3 squares.
"""
EPSILON = 65.0
"""Regularization of the guided filter: variance of the luma of the photo (0-255) in a window at which the
gain of the linear function is half of that without regularization.
"""
FINE = 0.1
"""Fraction of the difference between the luma of a pixel and the mean of its square that is added to the
filtered image.
"""
SHARP = (1.5, 4.5)
"""RMS of the finest details, in luma (0-255), below which a region is unchanged and above which it is
filtered. The finest details are the difference from a copy that is blurred with a 3x3 binomial kernel.
"""
DENSE = (0.66, 0.76)
"""Mean magnitude of the finest details divided by their RMS: below the first value, they are edges, which are
sparse; above the second one, dense texture. It is about 0.8 for noise.
"""
TEXTURE = 0.2
"""Factor of the amount in dense texture."""

_MARGIN = 6 * BLOCK
"""Rows above and below a strip that affect its result, rounded up."""
_STRIP = 1 << 17
"""Approximate number of pixels per strip, so that intermediate results fit in the CPU cache."""
_SLOPE, _LEVEL = 256, 8
"""Fixed-point scales of factors and of levels (0-255) in int16, which OpenCV computes faster than float32.
OpenCV saturates results outside the range.
"""
_NOISE = 0.3
"""RMS of the finest details of a flat region, added to avoid a division by 0."""


def keep_details(photo: RGB, painted: RGB, amount: float) -> RGB:
    """Return the stylized image ``painted`` with sharp details of ``photo``, uint8 (H, W, 3) RGB each.

    Args:
        photo: the source image.
        painted: the stylized image, of the same shape.
        amount: fraction of the filtered image where the photo is sharp, 0 to 1. 0 returns ``painted``.
    """
    if amount == 0:
        return painted
    height, width = photo.shape[:2]
    pads = (0, -height % BLOCK, 0, -width % BLOCK)
    source, strokes = (
        np.asarray(cv2.copyMakeBorder(image, *pads, borderType=cv2.BORDER_REPLICATE), np.uint8)
        for image in (photo, painted)
    )
    result = np.empty_like(photo)
    rows = max(1, _STRIP // (width * BLOCK)) * BLOCK
    for top in range(0, height, rows):
        first, last = max(0, top - _MARGIN), min(len(source), top + rows + _MARGIN)
        strip = _filtered(source[first:last], strokes[first:last], amount)
        count = min(rows, height - top)
        result[top : top + count] = strip[top - first : top - first + count, :width]
    return result


def _filtered(photo: RGB, painted: RGB, amount: float) -> RGB:
    """Return the result of `keep_details` for images whose sides are multiples of `BLOCK`."""
    light = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)
    gain, offset, mean = _coefficients(photo, painted)
    share = amount * _sharpness(light)[..., None]
    # The result is slope * light + constant + rest * painted.
    slope = share * (_window(gain) + FINE)
    constant = share * (_window(offset) - FINE * mean[..., None])
    size = light.shape[1], light.shape[0]
    slope, constant, rest = (
        cv2.resize(np.rint(unit * values).astype(np.int16), size, interpolation=cv2.INTER_LINEAR)
        for unit, values in ((_SLOPE, slope), (_LEVEL, constant), (_SLOPE, 1 - share[..., 0]))
    )
    guide = cv2.merge([light.astype(np.int16)] * 3)
    total = cv2.add(cv2.multiply(slope, guide, scale=_LEVEL / _SLOPE), constant)
    kept = cv2.multiply(cv2.merge([rest] * 3), painted.astype(np.int16), scale=_LEVEL / _SLOPE)
    total = np.maximum(cv2.add(total, kept), 0)  # `convertScaleAbs` takes the absolute value
    return np.asarray(cv2.convertScaleAbs(total, alpha=1 / _LEVEL), np.uint8)


def _coefficients(photo: RGB, painted: RGB) -> tuple[Floats, Floats, Floats]:
    """Return gain and offset (h, w, 3) of the linear function in each window, and the mean luma (h, w) of
    each square. They are computed at half the size of the image.
    """
    side = BLOCK // 2
    half = photo.shape[1] // 2, photo.shape[0] // 2
    small, strokes = (cv2.resize(image, half, interpolation=cv2.INTER_AREA) for image in (photo, painted))
    light = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    colors = strokes.astype(np.float32)
    mean = _means(light, side)
    window_mean, window_colors = _window(mean), _window(_means(colors, side))
    product = _window(_means(cv2.multiply(colors, cv2.merge([light] * 3)), side))
    variance = _window(_means(light * light, side)) - window_mean * window_mean
    gain = product - window_mean[..., None] * window_colors
    gain /= (np.maximum(variance, 0) + EPSILON)[..., None]
    offset = window_colors - gain * window_mean[..., None]
    return np.asarray(gain, np.float32), np.asarray(offset, np.float32), mean


def _sharpness(light: Gray) -> Floats:
    """Return the blending weight of the filtered image for each square, (h, w), from 0 to 1: high where the
    photo is sharp, and lower in dense texture.
    """
    finest = cv2.absdiff(light, cv2.GaussianBlur(light, (3, 3), 0, borderType=cv2.BORDER_REPLICATE))
    magnitude = finest.astype(np.float32)
    average, square = (_window(_window(_means(x, BLOCK))) for x in (magnitude, magnitude * magnitude))
    rms = np.sqrt(square)
    sharp = np.clip((rms - SHARP[0]) / (SHARP[1] - SHARP[0]), 0, 1)
    dense = np.clip((average / (rms + _NOISE) - DENSE[0]) / (DENSE[1] - DENSE[0]), 0, 1)
    # The blur avoids visible borders between filtered and unfiltered regions.
    return _window(_window(np.asarray(sharp * (1 - (1 - TEXTURE) * dense), np.float32)))


def _means(values: Floats, side: int) -> Floats:
    """Return the means of squares of ``side`` pixels."""
    size = values.shape[1] // side, values.shape[0] // side
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _window(means: Floats) -> Floats:
    """Return the means of windows of 3x3 squares."""
    return np.asarray(cv2.blur(means, (3, 3), borderType=cv2.BORDER_REPLICATE), np.float32)

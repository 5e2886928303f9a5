"""Smooth a stylized image along its brush strokes, which removes weave, dots and hatching.

Kyprianidis and Kang 2011, "Image and Video Abstraction by Coherence-Enhancing Filtering": a line integral
convolution along the directions of least change, which are the eigenvectors of a smoothed structure tensor.
Departures: one pass, Euler steps of one pixel, and an unsharp mask instead of the shock filter.
`fststyle.train.style.stroke_smoothing` is the same filter in PyTorch; the results differ by rounding, and
near the borders.
"""

import math

import cv2
import numpy as np

from fststyle.arrays import RGB, Floats

TENSOR_SIGMA = 4.0
"""Standard deviation of the Gaussian blur of the structure tensor, in pixels."""
SHARP_SIGMA, SHARP = 1.2, 0.5
"""Standard deviation, in pixels, and amount of the unsharp mask."""

_MARGIN = 24
"""Pixels around a tile that affect its result, in addition to ``length``."""
_TILE = 1024
"""Side of the tiles in pixels. Tiles limit the memory for large images, and `cv2.remap` supports no sides
above 32,767 pixels.
"""


def smooth_along_strokes(image: RGB, length: int) -> RGB:
    """Average the pixels of an image along its brush strokes, then sharpen the result.

    Args:
        image: uint8 (H, W, 3) RGB.
        length: number of pixels that are averaged in each of the two directions of a stroke, with Gaussian
            weights whose standard deviation is ``length`` / 2.5. If it is 0, ``image`` is returned.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    if not length:
        return image
    height, width = image.shape[:2]
    margin = _MARGIN + length
    result = np.empty_like(image)
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            y, x = max(0, top - margin), max(0, left - margin)
            tile = _smoothed(image[y : top + _TILE + margin, x : left + _TILE + margin], length)
            inner = result[top : top + _TILE, left : left + _TILE]
            inner[:] = tile[top - y :, left - x :][: inner.shape[0], : inner.shape[1]]
    return result


def _smoothed(image: RGB, length: int) -> RGB:
    """Return the result of `smooth_along_strokes` for a tile."""
    tangent = _tangents(image)
    sides = (np.arange(side, dtype=np.float32) for side in image.shape[1::-1])
    start = np.stack(np.meshgrid(*sides), -1)
    total, weights = image.astype(np.float32), 1.0
    for sign in (1, -1):
        position, direction = start, sign * tangent
        for distance in range(1, length + 1):
            position = position + direction
            weight = math.exp(-((2.5 * distance / length) ** 2) / 2)
            sample = cv2.remap(image, position, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
            cv2.scaleAdd(sample.astype(np.float32), weight, total, dst=total)
            weights += weight
            if distance < length:
                # A tangent has no sign: continue on the side of the previous step.
                following = cv2.remap(
                    tangent, position, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101
                )
                ahead = cv2.transform(following * direction, np.ones((1, 2), np.float32)) >= 0
                direction = following * np.where(ahead, np.float32(1), np.float32(-1))[..., None]
    total *= np.float32(1 / weights)
    blurred = cv2.GaussianBlur(total, (0, 0), SHARP_SIGMA, borderType=cv2.BORDER_REPLICATE)
    sharp = cv2.addWeighted(total, 1 + SHARP, blurred, -SHARP, 0)
    return np.asarray(np.clip(np.rint(sharp, out=sharp), 0, 255, out=sharp).astype(np.uint8))


def _tangents(image: RGB) -> Floats:
    """Return the unit vectors (x, y) along the strokes, (H, W, 2)."""
    dx, dy = (
        cv2.Sobel(image, cv2.CV_32F, *order, ksize=3, borderType=cv2.BORDER_REPLICATE)
        for order in ((1, 0), (0, 1))
    )
    tensor = np.stack([(dx * dx).sum(-1), (dx * dy).sum(-1), (dy * dy).sum(-1)], -1)
    xx, xy, yy = cv2.split(cv2.GaussianBlur(tensor, (0, 0), TENSOR_SIGMA, borderType=cv2.BORDER_REPLICATE))
    angle = cv2.phase(xx - yy, 2 * xy) / 2 + np.float32(np.pi / 2)
    return np.asarray(np.stack(cv2.polarToCart(np.ones_like(angle), angle), -1), np.float32)

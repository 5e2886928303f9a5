"""Brush size: stylize a smaller or larger copy of a picture, and resize the result with the edges of the
photo.

The strokes of a network have a fixed size in pixels, so strokes of twice the size come from a picture of half
the size. The detail that is lost by enlarging the result is added from the photo, weighted by the local
regression of the stylized luma on the photo, as in guided upsampling (He and Sun 2015, "Fast Guided Filter",
arXiv:1505.00996).
"""

from collections.abc import Callable

import cv2
import numpy as np

from fststyle.arrays import RGB, Floats, Pixels
from fststyle.io.pixels import MIN_SIDE

REFERENCE_SIDE = 640
"""Shorter side in pixels up to which strokes have the trained size by default."""

RADIUS = 4
"""Radius of the regression windows in pixels of the stylized copy."""
FLATNESS = 60.0
"""Variance of luma (0-255) in a window below which its detail counts as noise and not as an edge."""


def brush_size(brush: float | None, height: int, width: int) -> float:
    """The brush size for a picture. None means in proportion to its shorter side, at least 1."""
    return max(1.0, min(height, width) / REFERENCE_SIDE) if brush is None else brush


def stylize_with_brush(brush: float, stylize: Callable[[RGB], RGB], photo: RGB) -> RGB:
    """Stylize ``photo``, uint8 (H, W, 3), with strokes ``brush`` times as large as those of ``stylize``.
    Returns the same shape.
    """
    height, width = photo.shape[:2]
    if brush == 1 or min(height, width) < MIN_SIDE:  # `stylize` raises for a picture that is too small
        return stylize(photo)
    size = tuple(max(MIN_SIDE, round(side / brush)) for side in (width, height))
    if size == (width, height):
        return stylize(photo)
    copy = np.asarray(
        cv2.resize(photo, size, interpolation=cv2.INTER_AREA if brush > 1 else cv2.INTER_CUBIC), np.uint8
    )
    painted = stylize(copy)
    if brush < 1:
        return np.asarray(cv2.resize(painted, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return _enlarged(painted, copy, photo)


def _enlarged(painted: RGB, copy: RGB, photo: RGB) -> RGB:
    """``painted`` in the size of ``photo``, with its detail. ``copy`` is the photo in the size of
    ``painted``.
    """
    height, width = photo.shape[:2]
    large = cv2.resize(painted, (width, height), interpolation=cv2.INTER_CUBIC)
    small_light = cv2.cvtColor(copy, cv2.COLOR_RGB2GRAY)
    follows = cv2.resize(
        _slope(small_light, cv2.cvtColor(painted, cv2.COLOR_RGB2GRAY)),
        (width, height),
        interpolation=cv2.INTER_LINEAR,
    )
    detail = cv2.subtract(
        cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY),
        cv2.resize(small_light, (width, height), interpolation=cv2.INTER_CUBIC),
        dtype=cv2.CV_32F,
    )
    cv2.multiply(detail, follows, dst=detail)
    return np.asarray(cv2.add(large, cv2.merge([detail, detail, detail]), dtype=cv2.CV_8U), np.uint8)


def _slope(photo: Pixels, painted: Pixels) -> Floats:
    """The regression slope of stylized luma on photo luma in each window, float32 (H, W) in 0..1."""
    side = (2 * RADIUS + 1, 2 * RADIUS + 1)
    x, y = photo.astype(np.float32), painted.astype(np.float32)
    mean_x, mean_y, mean_xy, mean_xx = (cv2.boxFilter(value, -1, side) for value in (x, y, x * y, x * x))
    slope = (mean_xy - mean_x * mean_y) / (mean_xx - mean_x * mean_x + FLATNESS)
    return np.asarray(cv2.boxFilter(np.clip(slope, 0, 1), -1, side), np.float32)

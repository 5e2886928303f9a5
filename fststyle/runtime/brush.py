"""Change the brush size: stylize a smaller or larger copy of an image, and resize the result.

The strokes of a network have a fixed size in pixels. Strokes are therefore twice as large if an image is
stylized at half its size and the result is enlarged. The detail that is lost is added from the source
image, weighted by the slope of a local regression of stylized luma on source luma, as in guided upsampling
(He and Sun 2015, "Fast Guided Filter", arXiv:1505.00996).
"""

from collections.abc import Callable

import cv2
import numpy as np

from fststyle.arrays import RGB, Floats, Pixels
from fststyle.io.pixels import MIN_SIDE

REFERENCE_SIDE = 640
"""Shorter side in pixels up to which strokes have the trained size by default."""

RADIUS = 4
"""Radius of the regression windows, in pixels of the stylized copy."""
FLATNESS = 60.0
"""Variance of luma (in 0-255) in a window at which the regression slope is halved. In windows with a smaller
variance, the detail is mostly noise and has a smaller weight.
"""


def brush_size(brush: float | None, height: int, width: int) -> float:
    """Return the brush size for an image of ``height`` x ``width`` pixels, relative to the stroke size in
    training.

    If ``brush`` is not None, it is returned unchanged. Otherwise, the result is the shorter side divided by
    `REFERENCE_SIDE`, but at least 1.
    """
    return max(1.0, min(height, width) / REFERENCE_SIDE) if brush is None else brush


def stylize_with_brush(brush: float, stylize: Callable[[RGB], RGB], photo: RGB) -> RGB:
    """Stylize an image with strokes that are ``brush`` times as large as those of the function ``stylize``.

    ``photo`` and the result are uint8 (H, W, 3) RGB. ``stylize`` is called with a copy of ``photo`` whose
    sides are divided by ``brush``, but are at least `MIN_SIDE` pixels. If this does not change the size, or a
    side of ``photo`` is below `MIN_SIDE`, it is called with ``photo`` itself. Raises the errors of
    ``stylize``.
    """
    height, width = photo.shape[:2]
    # For an image that is too small, `stylize` raises the error.
    if brush == 1 or min(height, width) < MIN_SIDE:
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
    """Return the stylized image enlarged to the size of ``photo``, with detail from ``photo``.

    ``painted`` is the stylized image, and ``copy`` the source image before stylization, both at reduced size.
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
    """Return the slope of the local linear regression of ``painted`` on ``photo``, both luma, uint8 (H, W).

    The result is float32 (H, W). The slope of each window is clipped to 0..1, and the slopes of all windows
    that contain a pixel are averaged.
    """
    side = (2 * RADIUS + 1, 2 * RADIUS + 1)
    x, y = photo.astype(np.float32), painted.astype(np.float32)
    mean_x, mean_y, mean_xy, mean_xx = (cv2.boxFilter(value, -1, side) for value in (x, y, x * y, x * x))
    slope = (mean_xy - mean_x * mean_y) / (mean_xx - mean_x * mean_x + FLATNESS)
    return np.asarray(cv2.boxFilter(np.clip(slope, 0, 1), -1, side), np.float32)

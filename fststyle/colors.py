"""Color operations: keep the colors of the photo, and blend photo and stylized image."""

from collections.abc import Iterator

import cv2
import numpy as np

from fststyle.arrays import RGB, Floats, Gray

LUMA = (0.299, 0.587, 0.114)
"""Luma weights of red, green and blue (ITU-R BT.601), as used in JPEG."""
_STRIP = 1 << 17
"""Pixels per strip, so that intermediate results fit in the CPU cache."""


def keep_colors(photo: RGB, painted: RGB) -> RGB:
    """Combine the luma of the stylized image ``painted`` with the hue and chroma of ``photo``.

    Both images and the result are uint8 (H, W, 3).

    Where a color is out of gamut at this luma (such as bright pure blue), the chroma is reduced to the gamut
    boundary. Clipping each channel instead would change hue and luma locally.
    """
    luma = np.array(LUMA, np.float32)
    result = np.empty_like(photo)
    for rows in _strips(photo):
        light = (painted[rows].astype(np.float32) @ luma)[..., None]
        color = photo[rows].astype(np.float32)
        color -= (color @ luma)[..., None]
        # The largest chroma factor per channel within 0-255; the minimum over the channels is used.
        room = np.where(color > 0, 255 - light, light) / np.maximum(np.abs(color), 1e-3)
        reach = np.minimum(room.min(axis=2, keepdims=True), 1)
        result[rows] = np.clip(np.rint(light + reach * color), 0, 255).astype(np.uint8)
    return result


def fade(photo: RGB, painted: RGB, strength: float) -> RGB:
    """Interpolate from ``photo`` (strength 0) to the stylized image ``painted`` (1); extrapolate above 1.

    Both images and the result are uint8 (H, W, 3). Negative strengths count as 0. At strength 1, ``painted``
    itself is returned.
    """
    if strength == 1:
        return painted
    if strength <= 0:
        return photo.copy()
    result = np.empty_like(photo)
    for rows in _strips(photo):
        before = photo[rows].astype(np.float32)
        result[rows] = (
            np.rint(before + strength * (painted[rows].astype(np.float32) - before))
            .clip(0, 255)
            .astype(np.uint8)
        )
    return result


def mixed(photo: RGB, painted: RGB, share: Gray) -> RGB:
    """Blend the stylized image ``painted`` over ``photo``, using ``share`` as the alpha mask.

    The mask is uint8 (H, W). Where it is 0, the result is ``photo``, and where it is 255, ``painted``. Both
    images and the result are uint8 (H, W, 3).
    """
    result = np.empty_like(photo)
    for rows in _strips(photo):
        part = share[rows, :, None].astype(np.uint16)
        result[rows] = ((photo[rows] * (255 - part) + painted[rows] * part + 127) // 255).astype(np.uint8)
    return result


CELL = 16
"""Default side, in pixels, of the cells whose mean colors `between` compares. Small images have smaller
cells, and large images larger ones.
"""
_FEWEST, _MOST = 16, 64
"""Minimum number of cells along the shorter side, and maximum number along the longer side. If they conflict,
the maximum applies.
"""


CORRECTION_EXPONENT = 4
"""Exponent of the share in `between`: the correction is multiplied by 1 - share^CORRECTION_EXPONENT."""


def between(photo: RGB, painted: RGB, whole: RGB, share: float) -> RGB:
    """Correct the colors of ``painted``, the output of a network with interpolated weights.

    Interpolating the weights interpolates the strokes as expected, but not the colors: black may become green
    even if it is black at both ends. The images are divided into a grid of cells (`CELL`). The target color
    of a cell is its mean color in (1 - share) * ``photo`` + share * ``whole``. The correction is one affine
    function of the photo and stylized colors, fitted to all cells by ridge regression and applied to each
    pixel, so that colors do not bleed over edges. The correction decreases to zero at a share of 1, where
    none is needed (`CORRECTION_EXPONENT`). This method is not from a paper.

    Args:
        photo: uint8 (H, W, 3).
        painted: the stylized photo to correct, uint8 (H, W, 3).
        whole: the photo stylized at full strength, uint8 (h, w, 3); it may be smaller.
        share: interpolation weight of the style, 0..1.

    Returns:
        The corrected image, uint8 (H, W, 3).
    """
    height, width = photo.shape[:2]
    scale = min(1.0, max(1 / CELL, _FEWEST / min(height, width)), _MOST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    was, now, aim = (_cells(picture, size) for picture in (photo, painted, whole))
    known = np.hstack((was, now, np.ones((len(was), 1), np.float32)))
    ridge = np.float32(1e-3 * len(was)) * np.eye(7, dtype=np.float32)
    wanted = ((1 - share) * was + share * aim - now) * (1 - share**CORRECTION_EXPONENT)
    move = np.linalg.solve(known.T @ known + ridge, known.T @ wanted).T.astype(np.float32)
    result = np.empty_like(painted)
    for rows in _strips(photo):
        by_photo = cv2.transform(photo[rows].astype(np.float32), np.hstack((move[:, :3], 255 * move[:, 6:])))
        by_painted = cv2.transform(
            painted[rows].astype(np.float32), np.eye(3, dtype=np.float32) + move[:, 3:6]
        )
        result[rows] = np.rint(by_photo + by_painted).clip(0, 255).astype(np.uint8)
    return result


def _cells(picture: RGB, size: tuple[int, int]) -> Floats:
    """Divide an image into ``size`` = (W, H) cells, and return the mean color of each cell.

    The result is float32 (W * H, 3) in 0..1, row by row.
    """
    return np.asarray(
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA).reshape(-1, 3) / 255, np.float32
    )


def _strips(frame: RGB) -> Iterator[slice]:
    """Yield slices of rows with at most `_STRIP` pixels each, but at least one row."""
    step = max(1, _STRIP // frame.shape[1])
    return (slice(top, top + step) for top in range(0, frame.shape[0], step))

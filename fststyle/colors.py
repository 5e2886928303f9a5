"""The painting's light with the photo's colours, and painting by degrees."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from fststyle.arrays import RGB, Gray

# BT.601, the luma of JPEG and of most video at this scale.
_LUMA = (0.299, 0.587, 0.114)
_STRIP = 1 << 17
"""Pixels at a time: few enough that what is made of them stays in a processor's cache, which is several times
as fast.
"""


def keep_colors(photo: RGB, painted: RGB) -> RGB:
    """Luma of ``painted``, hue and chroma of ``photo``: uint8 (H, W, 3) each, as is the result.

    Where photo colours do not exist at the painting's luma (no bright pure blue), chroma is reduced just so
    far that they do. Clipping each channel instead would change hue and luma, in spots.
    """
    luma = np.array(_LUMA, np.float32)
    result = np.empty_like(photo)
    for rows in _strips(photo):
        light = (painted[rows].astype(np.float32) @ luma)[..., None]
        colour = photo[rows].astype(np.float32)
        colour -= (colour @ luma)[..., None]
        # How far along its colour each channel can go before it leaves 0..255; the least of the three counts
        # for all.
        room = np.where(colour > 0, 255 - light, light) / np.maximum(np.abs(colour), 1e-3)
        reach = np.minimum(room.min(axis=2, keepdims=True), 1)
        result[rows] = np.clip(np.rint(light + reach * colour), 0, 255).astype(np.uint8)
    return result


def fade(photo: RGB, painted: RGB, strength: float) -> RGB:
    """``photo`` at strength 0, ``painted`` at 1, their mixture between, and beyond 1 further away: uint8 (H,
    W, 3) each, as is the result.
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
    """``photo`` where ``share``, uint8 (H, W), is 0, ``painted`` where it is 255, in proportion between.

    uint8 (H, W, 3) each, as is the result.
    """
    result = np.empty_like(photo)
    for rows in _strips(photo):
        part = share[rows, :, None].astype(np.uint16)
        result[rows] = ((photo[rows] * (255 - part) + painted[rows] * part + 127) // 255).astype(np.uint8)
    return result


CELL = 16
"""Pixels, along each side, whose mean counts as a colour for `between`; fewer in small pictures."""
_FEWEST, _MOST = 16, 64


def between(photo: RGB, painted: RGB, whole: RGB, share: float) -> RGB:
    """``painted``, uint8 (H, W, 3), by a network a ``share`` of the way to its painting, in the colours that
    lie as far between photo and painting.

    Half way between the weights of two networks, black may well be green where it is black in both: strokes
    are mixed as they should be, colours are not. So the colours of cells are compared with where they belong,
    (1 - share) of the ``photo`` and share of ``whole``, the painting at full strength, which may be smaller;
    and that is made good by one affine function of the photo's and the painted colour, for all pixels (least
    squares with a ridge), so that nothing bleeds over an edge. Towards a share of 1 less of it is done, as a
    painting at full strength is as it is. Not in any paper we know of.
    """
    height, width = photo.shape[:2]
    scale = min(1.0, max(1 / CELL, _FEWEST / min(height, width)), _MOST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    was, now, aim = (_cells(picture, size) for picture in (photo, painted, whole))
    known = np.hstack((was, now, np.ones((len(was), 1), np.float32)))
    ridge = np.float32(1e-3 * len(was)) * np.eye(7, dtype=np.float32)
    wanted = ((1 - share) * was + share * aim - now) * min(1.0, 8 * (1 - share))
    move = np.linalg.solve(known.T @ known + ridge, known.T @ wanted).T.astype(np.float32)
    result = np.empty_like(painted)
    for rows in _strips(photo):
        by_photo = cv2.transform(photo[rows].astype(np.float32), np.hstack((move[:, :3], 255 * move[:, 6:])))
        by_painted = cv2.transform(
            painted[rows].astype(np.float32), np.eye(3, dtype=np.float32) + move[:, 3:6]
        )
        result[rows] = np.rint(by_photo + by_painted).clip(0, 255).astype(np.uint8)
    return result


def _cells(picture: RGB, size: tuple[int, int]) -> NDArray[np.float32]:
    """(cells, 3): the mean colours, 0..1, of a picture scaled to `size`, (W, H)."""
    return np.asarray(
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA).reshape(-1, 3) / 255, np.float32
    )


def _strips(frame: RGB) -> Iterator[slice]:
    """Rows at a time."""
    step = max(1, _STRIP // frame.shape[1])
    return (slice(top, top + step) for top in range(0, frame.shape[0], step))

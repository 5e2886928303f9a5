"""Division of the damage into parts with their surroundings, and the scales of each part."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fststyle.arrays import RGB

Hole = NDArray[np.bool_]
"""Damaged pixels, bool (H, W)."""
LARGEST = 192
"""Maximum side of a part of the damage, in pixels. Larger parts are divided."""
SMALLEST = 64
"""Minimum side of a part with its surroundings, in pixels, unless the border of the image cuts it off."""
THIN = 4.0
"""Depth in pixels (`depth`) up to which a part is thin, so that one scale is enough."""
RADIUS = 3
"""Radius of OpenCV's inpainting, in pixels."""


@dataclass(frozen=True)
class Part:
    """A part of the damage, which is restored on its own.

    Args:
        place: rows and columns of the image that contain the part and its surroundings.
        hole: the damaged pixels of the part, bool, with the height and width of `place`.
    """

    place: tuple[slice, slice]
    hole: Hole


def parts(hole: Hole, context: int) -> list[Part]:
    """Split the damage into parts, each with at least `context` pixels of surroundings on each side, as far
    as the image extends.

    Damaged pixels closer to each other than about half of `context` are in the same part. A part with a side
    above `LARGEST` is divided.
    """
    reach = max(1, context // 2)
    joined = cv2.dilate(hole.astype(np.uint8), np.ones((reach, reach), np.uint8))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(joined)
    found = []
    for label in range(1, count):
        # Work within the bounding box, since an image can have thousands of parts.
        x, y, width, height = (int(value) for value in boxes[label, :4])
        box = (slice(y, y + height), slice(x, x + width))
        here = (labels[box] == label) & hole[box]
        for top, bottom, left, right in _boxes(here):
            place = (
                _around(y + top, y + bottom, context, hole.shape[0]),
                _around(x + left, x + right, context, hole.shape[1]),
            )
            mine = np.zeros([side.stop - side.start for side in place], bool)
            first = (y + top - place[0].start, x + left - place[1].start)
            mine[first[0] : first[0] + bottom - top, first[1] : first[1] + right - left] = here[
                top:bottom, left:right
            ]
            found.append(Part(place, mine))
    return found


def _boxes(hole: Hole) -> Iterator[tuple[int, int, int, int]]:
    """Yield the bounding box (top, bottom, left, right) of `hole`, in pixels, where bottom and right are
    exclusive. A box with a side above `LARGEST` is divided, and empty pieces are omitted.
    """
    rows, columns = (np.flatnonzero(hole.any(axis)) for axis in (1, 0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    down, across = (-(-side // LARGEST) for side in (bottom - top, right - left))
    if down == across == 1:
        yield int(top), int(bottom), int(left), int(right)
        return
    ys = np.linspace(top, bottom, down + 1).round().astype(int)
    xs = np.linspace(left, right, across + 1).round().astype(int)
    for y, y_end in itertools.pairwise(ys):
        for x, x_end in itertools.pairwise(xs):
            piece = np.zeros_like(hole)
            piece[y:y_end, x:x_end] = hole[y:y_end, x:x_end]
            if piece.any():
                rows, columns = (np.flatnonzero(piece.any(axis)) for axis in (1, 0))
                yield int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _around(first: int, last: int, context: int, side: int) -> slice:
    """Return the range from `first` to `last` (exclusive), extended at both ends by `context`, or by as much
    as is needed for a length of `SMALLEST`, and cut off at 0 and `side`.
    """
    context = max(context, -(-(SMALLEST - (last - first)) // 2))
    return slice(max(0, first - context), min(side, last + context))


def depth(hole: Hole) -> float:
    """Return the largest distance in pixels from a damaged pixel to the nearest intact one. At least one
    pixel must be intact.
    """
    padded = np.pad(hole, 1, mode="edge").astype(np.uint8)
    return float(cv2.distanceTransform(padded, cv2.DIST_L2, 5).max())


def scale_count(hole: Hole, most: int) -> int:
    """Return the number of scales, from 1 to `most`, at which a damaged part is processed.

    Each further scale halves the resolution, until the damage is thin (`THIN`) or a side is shorter than
    `SMALLEST`.
    """
    count, deep, side = 1, depth(hole), min(hole.shape)
    while count < most and deep > THIN and side >= SMALLEST:
        count, deep, side = count + 1, deep / 2, side // 2
    return count


def halved(rgb: RGB, hole: Hole, spared: Hole) -> tuple[RGB, Hole, Hole]:
    """Return an image at half the size, rounded up. Each pixel is the mean of the usable pixels that it
    covers: those that are neither in `hole` nor in `spared`.

    A pixel of the result is unusable if less than half of its area is usable. It is then in the hole if it
    overlaps the hole, and otherwise spared.

    Returns:
        The image, uint8 (h, w, 3), its hole and its spared pixels, bool (h, w).
    """
    height, width = (-(-side // 2) for side in hole.shape)
    known = (~(hole | spared)).astype(np.float32)
    weight = cv2.resize(known, (width, height), interpolation=cv2.INTER_AREA)
    total = cv2.resize(rgb * known[..., None], (width, height), interpolation=cv2.INTER_AREA)
    plain = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    mean = np.where(weight[..., None] > 0, total / np.maximum(weight, 1e-6)[..., None], plain)
    unknown = weight < 0.5
    share = cv2.resize(hole.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    mine = unknown & (share > 0)
    return np.asarray(mean + 0.5, np.uint8), mine, unknown & ~mine


def inpainted(rgb: RGB, hole: Hole) -> RGB:
    """Return a copy of an image, uint8 (H, W, 3), with the hole filled smoothly from its edge by OpenCV
    (Telea 2004, "An Image Inpainting Technique Based on the Fast Marching Method").
    """
    return np.asarray(cv2.inpaint(rgb, hole.astype(np.uint8), RADIUS, cv2.INPAINT_TELEA), np.uint8)

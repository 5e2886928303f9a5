"""Orientation of video frames: rotation and mirroring by the display matrix, which phones store."""

import math
import struct
from typing import NamedTuple

import numpy as np

from fststyle.arrays import Pixels
from fststyle.runtime.video.formats.pyav import DecodedFrame


class Orientation(NamedTuple):
    """Transform that makes a frame upright.

    The frame is mirrored left to right if ``mirrored`` is True, and then rotated counterclockwise by
    ``quarters`` quarter turns.
    """

    mirrored: bool = False
    quarters: int = 0

    @property
    def swaps_sides(self) -> bool:
        """Whether the transform swaps width and height."""
        return bool(self.quarters % 2)

    def apply(self, image: Pixels) -> Pixels:
        """Return an upright copy of an image, (H, W) or (H, W, C), or the image itself if it is upright."""
        if not self.mirrored and not self.quarters:
            return image
        return np.ascontiguousarray(np.rot90(image[:, ::-1] if self.mirrored else image, self.quarters))


def orientation_of(frame: DecodedFrame) -> Orientation:
    """Return the transform that makes a decoded PyAV frame upright, according to its display matrix.

    The rotation is rounded to quarter turns. A frame without a display matrix is regarded as upright.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return Orientation()
    # The point (x, y) is displayed at (a x + c y, b x + d y).
    a, b, _, c, d = struct.unpack("=5i", bytes(matrix)[:20])
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return Orientation(mirrored, round(math.degrees(math.atan2(-b, a)) / 90) % 4)

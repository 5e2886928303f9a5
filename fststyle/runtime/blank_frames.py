"""Frames with next to nothing on them: black between two scenes, a fade, a title card before its title.

Instance norm takes the brightness and the contrast out of a frame, so a network paints a scene as brightly
when it is nearly faded out, and an even black as the same grey as an even white. In a picture that is a
choice; in a film a fade has to fade.
"""

import cv2
import numpy as np

from fststyle import colors
from fststyle.arrays import RGB

RANGE = 48.0
"""Levels of 0..255 between the dark and the light of a frame, from which on it is painted wholly."""
SMALL = 64
"""Longer side, in pixels, at which they are looked for: grain is none."""


def share(frame: RGB) -> float:
    """How much of a frame, uint8 (H, W, 3), is to be painted: 0 where it has one light all over, 1 from
    `RANGE` on.
    """
    scale = min(1.0, SMALL / max(frame.shape[:2]))
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    light = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    dark, bright = np.percentile(light, (1, 99))
    return min(1.0, float(bright - dark) / RANGE)


def held(frame: RGB, painted: RGB) -> RGB:
    """``painted``, uint8 (H, W, 3), and as far as ``frame``, of any size, has nothing on it, ``frame``;
    `Steady` comes before, which would hold on to more.
    """
    if (part := share(frame)) == 1:
        return painted
    height, width = painted.shape[:2]
    scene: RGB = (
        frame
        if frame.shape == painted.shape
        else cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
    )
    return colors.fade(scene, painted, part)

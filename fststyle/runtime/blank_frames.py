"""Blend nearly uniform frames, such as fades and black frames between scenes, with the source.

Instance norm removes brightness and contrast. A network therefore stylizes a faded scene as brightly as the
full scene, and maps uniform black to the same gray as uniform white. In a video, a fade must remain a fade.
"""

import cv2
import numpy as np

from fststyle import colors
from fststyle.arrays import RGB
from fststyle.io.resize import scaled_size

RANGE = 48.0
"""Luma range (0-255) from which a frame is fully stylized."""
SMALL = 64
"""Longer side in pixels to which a frame is reduced for measuring the range, so that film grain is
ignored.
"""


def stylized_share(frame: RGB) -> float:
    """Return the weight of the stylized image in the result for a source frame, uint8 (H, W, 3).

    It is 0 for a uniform frame and 1 from a luma range of `RANGE` on.
    """
    scale = min(1.0, SMALL / max(frame.shape[:2]))
    size = scaled_size(frame.shape[:2], scale)
    luma = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    dark, bright = np.percentile(luma, (1, 99))
    return min(1.0, float(bright - dark) / RANGE)


def blended(frame: RGB, stylized: RGB) -> RGB:
    """Interpolate from the source ``frame`` to its ``stylized`` image by `stylized_share`.

    ``stylized`` and the result are uint8 (H, W, 3); ``frame`` may have another size. Call this after
    `fststyle.runtime.temporal.TemporalFilter`, which would otherwise carry the previous scene into the fade.
    """
    if (share := stylized_share(frame)) == 1:
        return stylized
    height, width = stylized.shape[:2]
    source: RGB = (
        frame
        if frame.shape == stylized.shape
        else cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
    )
    return colors.fade(source, stylized, share)

"""Blend the stylized images of nearly uniform frames, such as fades and black frames, with the source frames.

Instance norm removes brightness and contrast. A network therefore stylizes a faded scene as brightly as the
full scene, and maps uniform black and uniform white to the same color. In a video, a fade must remain a fade.
"""

import cv2
import numpy as np

from fststyle import colors
from fststyle.arrays import RGB
from fststyle.io.resize import scaled_size

RANGE = 48.0
"""Difference between the 1st and the 99th percentile of luma (in 0-255) at or above which a frame is fully
stylized.
"""
SMALL = 64
"""Maximum longer side, in pixels, of the copy on which the luma range is measured. Reducing a larger frame to
this size averages out film grain.
"""


def stylized_share(frame: RGB) -> float:
    """Return the weight of the stylized image in `blended` for a source frame, uint8 (H, W, 3) RGB.

    The weight depends on the luma range: the difference between the 1st and the 99th percentile of luma. It
    is 0 for a range of 0, increases linearly, and is 1 for a range of `RANGE` or more.
    """
    scale = min(1.0, SMALL / max(frame.shape[:2]))
    size = scaled_size(frame.shape[:2], scale)
    luma = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    dark, bright = np.percentile(luma, (1, 99))
    return min(1.0, float(bright - dark) / RANGE)


def blended(frame: RGB, stylized: RGB) -> RGB:
    """Interpolate from the source ``frame`` to its ``stylized`` image with the weight `stylized_share`.

    Both are uint8 (H, W, 3) RGB, and may differ in size; the result has the size of ``stylized``. If the
    weight is 1, the array ``stylized`` itself is returned. Call this function after
    `fststyle.runtime.temporal.TemporalFilter`. If it were called before, the filter would blend the previous
    scene into a fade.
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

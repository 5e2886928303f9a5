"""Type aliases for arrays."""

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
"""Frames: (H, W, 3), or (N, H, W, 3) for a batch."""

Gray = NDArray[np.uint8]
"""One level per pixel, of light or of opacity: (H, W)."""

Flow = NDArray[np.float32]
"""A motion or a place per pixel, x before y: (H, W, 2)."""

PerPixel = NDArray[np.float32]
"""One number per pixel: (H, W)."""

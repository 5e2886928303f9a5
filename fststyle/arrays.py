"""Type aliases for arrays."""

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
"""Frames: (H, W, 3), or (N, H, W, 3) for a batch."""

Gray = NDArray[np.uint8]
"""Luma or alpha: (H, W)."""

Flow = NDArray[np.float32]
"""Optical flow or coordinates in pixels, x before y: (H, W, 2)."""

PerPixel = NDArray[np.float32]
"""A value per pixel: (H, W)."""

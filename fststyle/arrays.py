"""Type aliases for arrays."""

from typing import Any

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

Pixels = NDArray[np.uint8]
"""Bytes of an image, a mask or a data set, of the shape that is stated with it."""

Floats = NDArray[np.float32]
"""float32, of the shape that is stated with it."""

Array = NDArray[Any]
"""Any type and shape, such as an input of a model."""

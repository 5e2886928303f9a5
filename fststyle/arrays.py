"""Type aliases for arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
"""RGB frames: uint8 (H, W, 3), or (N, H, W, 3) for a batch."""

Gray = NDArray[np.uint8]
"""Luma, alpha or a mask: uint8 (H, W)."""

Flow = NDArray[np.float32]
"""Optical flow or pixel coordinates: float32 (H, W, 2), x before y, in pixels."""

PerPixel = NDArray[np.float32]
"""One value per pixel: float32 (H, W)."""

Pixels = NDArray[np.uint8]
"""uint8 array of an image, a mask or a dataset; the shape is documented where it is used."""

Floats = NDArray[np.float32]
"""float32 array; the shape is documented where it is used."""

Array = NDArray[Any]
"""Array of any type and shape, such as a model input."""

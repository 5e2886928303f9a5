"""The painting's light with the photo's colours, and painting by degrees."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# BT.601, the luma of JPEG and of most video at this scale.
_LUMA = (0.299, 0.587, 0.114)
_STRIP = 1 << 20


def keep_colors(photo: "NDArray[np.uint8]", painted: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """Luma of ``painted``, hue and chroma of ``photo``: uint8 (H, W, 3) each, as is the result.

    Where photo colours do not exist at the painting's luma (no bright pure blue), chroma is reduced just so far that they do. Clipping each channel
    instead would change hue and luma, in spots.
    """
    import numpy as np

    luma = np.array(_LUMA, np.float32)
    result = np.empty_like(photo)
    for rows in _strips(photo):
        light = (painted[rows].astype(np.float32) @ luma)[..., None]
        colour = photo[rows].astype(np.float32)
        colour -= (colour @ luma)[..., None]
        # How far along its colour each channel can go before it leaves 0..255; the least of the three counts for all.
        room = np.where(colour > 0, 255 - light, light) / np.maximum(np.abs(colour), 1e-3)
        reach = np.minimum(room.min(axis=2, keepdims=True), 1)
        result[rows] = np.clip(np.rint(light + reach * colour), 0, 255).astype(np.uint8)
    return result


def fade(photo: "NDArray[np.uint8]", painted: "NDArray[np.uint8]", strength: float) -> "NDArray[np.uint8]":
    """``photo`` at strength 0, ``painted`` at 1, their mixture between, and beyond 1 further away: uint8 (H, W, 3) each, as is the result."""
    import numpy as np

    if strength == 1:
        return painted
    if strength <= 0:
        return photo.copy()
    result = np.empty_like(photo)
    for rows in _strips(photo):
        before = photo[rows].astype(np.float32)
        result[rows] = np.rint(before + strength * (painted[rows].astype(np.float32) - before)).clip(0, 255).astype(np.uint8)
    return result


def _strips(frame: "NDArray[np.uint8]") -> Iterator[slice]:
    """Rows at a time, so that the float copies of a large picture stay small."""
    step = max(1, _STRIP // frame.shape[1])
    return (slice(top, top + step) for top in range(0, frame.shape[0], step))

"""Resizing of images with Lanczos filtering."""

from dataclasses import replace

import numpy as np
from PIL import Image

from fststyle.arrays import RGB, Gray
from fststyle.errors import InputError
from fststyle.io.picture import MAX_PIXELS
from fststyle.io.pixels import MIN_SIDE, Frame


def scaled_size(size: tuple[int, int], scale: float, least: int = 1) -> tuple[int, int]:
    """Return the size (width, height), in this order, of an image of ``size`` (H, W) that is scaled by the
    factor ``scale``. No side is below ``least`` pixels.
    """
    height, width = size
    return max(least, round(width * scale)), max(least, round(height * scale))


def resize(rgb: RGB, long_side: int) -> RGB:
    """Return an image, uint8 (H, W, 3), scaled to a longer side of ``long_side`` pixels.

    The aspect ratio is kept to the nearest pixel, but no side is below 16 pixels.

    Raises:
        InputError: ``long_side`` is below 16.
    """
    if long_side < MIN_SIDE:
        raise InputError(f"cannot resize to {long_side} pixels: the minimum is {MIN_SIDE}")
    height, width = rgb.shape[:2]
    width, height = scaled_size((height, width), long_side / max(height, width), MIN_SIDE)
    return resize_to(rgb, (height, width))


def resize_to(image: RGB | Gray, size: tuple[int, int]) -> RGB | Gray:
    """Return an image, uint8 (H, W) or (H, W, 3), scaled to ``size`` (H, W). An image that already has this
    size is returned itself, not a copy.
    """
    if image.shape[:2] == size:
        return image
    return np.array(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.LANCZOS))


def resize_frame(frame: Frame, long_side: int | None) -> Frame:
    """Return a frame whose colors and alpha are scaled to a longer side of ``long_side`` pixels.

    If ``long_side`` is None, the frame is returned unchanged.

    Raises:
        InputError: ``long_side`` is below 16, or the result would have more than `MAX_PIXELS` pixels.
    """
    if long_side is None:
        return frame
    height, width = frame.rgb.shape[:2]
    if height * width * (long_side / max(height, width)) ** 2 > MAX_PIXELS:
        raise InputError(
            f"--size {long_side}: the result for an image of {width}x{height} pixels would have more than"
            f" {MAX_PIXELS:,} pixels"
        )
    rgb = resize(frame.rgb, long_side)
    alpha = None if frame.alpha is None else resize_to(frame.alpha, (rgb.shape[0], rgb.shape[1]))
    return replace(frame, rgb=rgb, alpha=alpha)

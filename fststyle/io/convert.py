"""Conversion between `Picture` and the image types of the Python API."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from fststyle.arrays import Pixels
from fststyle.errors import InputError
from fststyle.io import images
from fststyle.io.exif import adapted
from fststyle.io.images import Frame, Picture

ImageLike = Picture | Pixels | Image.Image | BinaryIO | bytes | str | Path
"""An image of the Python API: decoded, or a file."""


def to_picture(image: ImageLike) -> tuple[Picture, Callable[[Frame], Any]]:
    """Return the first frame of an image as a `Picture`, and a function that converts a frame to the type of
    the result.

    The type of the result is `Picture` for a `Picture`, and an array for a uint8 array (H, W, 3) RGB or (H,
    W, 4) RGBA. For a path, the content of an image file, an open binary file or a Pillow image, it is a
    Pillow image of mode RGB, or RGBA if it has alpha, with color profile and EXIF data.

    Raises:
        InputError: ``image`` has another type, or cannot be read.
    """
    given: Any = image  # arrays and Pillow images of any class
    if isinstance(image, images.Picture):
        first = replace(image, frames=image.frames[:1])
        return first, lambda frame: replace(first, frames=[frame])
    if hasattr(given, "shape") and hasattr(given, "dtype"):
        return images.Picture([_frame_of(given)]), _array
    if hasattr(given, "convert") and hasattr(given, "getbands"):
        picture = images.Picture([images.from_pil(given)], given.info.get("icc_profile"))
    elif isinstance(given, (str, Path, bytes)) or hasattr(given, "read"):
        picture = images.read(given)
    else:
        raise InputError(
            f"an image is a path, bytes, an open file, a Pillow image or an array, not {type(given).__name__}"
        )

    def pillow(frame: Frame) -> Image.Image:
        result = images.to_pil(frame)
        if picture.icc:
            result.info["icc_profile"] = picture.icc  # Pillow's save writes it
        if picture.metadata.exif and (exif := adapted(picture.metadata.exif, frame.rgb.shape[:2])):
            result.info["exif"] = exif
        return result

    return replace(picture, frames=picture.frames[:1]), pillow


def _frame_of(array: Pixels) -> Frame:
    if str(array.dtype) != "uint8" or array.ndim != 3 or array.shape[2] not in (3, 4):
        raise InputError(f"expected a uint8 array (H, W, 3) or (H, W, 4), not {array.dtype} {array.shape}")
    return images.Frame(array[..., :3], array[..., 3] if array.shape[2] == 4 else None)


def _array(frame: Frame) -> Pixels:
    return frame.rgb if frame.alpha is None else np.dstack((frame.rgb, frame.alpha))

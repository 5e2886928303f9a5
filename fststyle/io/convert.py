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
from fststyle.io.pixels import from_pil_with_profile

ImageLike = Picture | Pixels | Image.Image | BinaryIO | bytes | str | Path
"""Types that the Python API accepts as an image: a `Picture`, an array, a Pillow image, an open binary file,
the content of an image file, or a path.
"""


def to_picture(image: ImageLike) -> tuple[Picture, Callable[[Frame], Any]]:
    """Return the first frame of an image as a `Picture`, and a function that converts a stylized frame to the
    type that the API returns for this input.

    For a `Picture`, that is a `Picture`. For a uint8 array (H, W, 3) RGB or (H, W, 4) RGBA, it is an array:
    (H, W, 4) if the frame has alpha, otherwise (H, W, 3). For all other types, it is a Pillow image of mode
    RGB, or RGBA if the frame has alpha, with the color profile and, if the input is a file, its EXIF data.

    Raises:
        InputError: ``image`` is of another type, an array of another shape or dtype, or cannot be read.
        DependencyError: the package for its format is not installed.
    """
    given: Any = image  # arrays and Pillow images of any class
    if isinstance(image, images.Picture):
        first = replace(image, frames=image.frames[:1])
        return first, lambda frame: replace(first, frames=[frame])
    if hasattr(given, "shape") and hasattr(given, "dtype"):
        return images.Picture([_frame_of(given)]), _array
    if hasattr(given, "convert") and hasattr(given, "getbands"):
        frame, icc = from_pil_with_profile(given, given.info.get("icc_profile"))
        picture = images.Picture([frame], icc)
    elif isinstance(given, (str, Path, bytes)) or hasattr(given, "read"):
        picture = images.read(given)
    else:
        raise InputError(
            "an image must be a path, bytes, an open file, a Picture, a Pillow image or an array, not"
            f" {type(given).__name__}"
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
        raise InputError(f"an array must be uint8 (H, W, 3) or (H, W, 4), not {array.dtype} {array.shape}")
    return images.Frame(array[..., :3], array[..., 3] if array.shape[2] == 4 else None)


def _array(frame: Frame) -> Pixels:
    return frame.rgb if frame.alpha is None else np.dstack((frame.rgb, frame.alpha))

"""Conversion between Pillow images of any mode and 8-bit RGB frames."""

import io
from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image, ImageCms

from fststyle.arrays import RGB, Gray
from fststyle.errors import InputError

MIN_SIDE = 16
"""Minimum side of a frame in pixels, as in the frame contract of style files (`fststyle.export.frame`)."""
VISIBLE_ALPHA = 8
"""Minimum alpha (0-255) of a visible pixel."""
_SAME = 4
"""Largest difference (0-255) between equal colors in sRGB profiles of different makers."""
CONVERTED_PROFILE = "color profile (converted to sRGB)"
"""Name, for messages, of a color profile that is not in the output since the image was converted to sRGB."""


@dataclass(frozen=True)
class Frame:
    """One frame of an image.

    ``rgb`` is uint8 (H, W, 3). ``alpha`` is uint8 (H, W), from 0 (transparent) to 255 (opaque), or None if
    all pixels are opaque. ``duration_ms`` is the duration in milliseconds, or None if it is not specified.

    Raises:
        InputError: a shape or a dtype is wrong, or there are no pixels.
    """

    rgb: RGB
    alpha: Gray | None = None
    duration_ms: int | None = None

    def __post_init__(self) -> None:
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or 0 in self.rgb.shape:
            raise InputError(
                f"a frame must be a non-empty uint8 array (H, W, 3), not {self.rgb.dtype} {self.rgb.shape}"
            )
        if self.alpha is not None and (
            self.alpha.dtype != np.uint8 or self.alpha.shape != self.rgb.shape[:2]
        ):
            raise InputError(
                f"alpha must be uint8 {self.rgb.shape[:2]}, not {self.alpha.dtype} {self.alpha.shape}"
            )


def from_pil(image: Image.Image) -> Frame:
    """Convert a Pillow image of any mode to a `Frame`. The color profile of the image is ignored (see
    `from_pil_with_profile`).
    """
    return from_pil_with_profile(image, None)[0]


def from_pil_with_profile(image: Image.Image, icc: bytes | None) -> tuple[Frame, bytes | None]:
    """Convert a Pillow image with the color profile ``icc`` to a `Frame`.

    Returns the frame and its color profile. An RGB image with an RGB profile keeps its values and the
    profile. A CMYK or gray image with a profile of its color space, and any Lab image, is converted to sRGB.
    Otherwise, Pillow converts the image to RGB, and the profile is ignored. The profile of the frame is None
    in all cases but the first.
    """
    space = icc[16:20] if icc else b""
    image, alpha = _alpha_of(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        image = Image.fromarray(_eight_bit(image))
    if image.mode == "1":
        image = image.convert("L")
    if image.mode == "LAB":
        return (
            Frame(
                np.array(
                    _to_srgb(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
                    or image.getchannel(0).convert("RGB")
                ),
                alpha,
            ),
            None,
        )
    if icc and (image.mode, space) in (("CMYK", b"CMYK"), ("L", b"GRAY")):
        return Frame(np.array(_to_srgb(image, icc) or image.convert("RGB")), alpha), None
    kept = icc if space == b"RGB " and image.mode in ("RGB", "RGBX", "P", "YCbCr") else None
    return Frame(np.array(image.convert("RGB")), alpha), kept


def to_pil(frame: Frame) -> Image.Image:
    """Return a Pillow image of mode RGB, or RGBA if the frame has alpha."""
    if frame.alpha is None:
        return Image.fromarray(frame.rgb)
    return Image.fromarray(np.dstack((frame.rgb, frame.alpha)))


def on_white(rgb: RGB, alpha: Gray) -> RGB:
    """Return the image ``rgb``, uint8 (H, W, 3), composited on white with ``alpha``, uint8 (H, W)."""
    opacity = alpha[..., None].astype(np.uint16)
    result: RGB = ((rgb * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)
    return result


def uncovered(frame: Frame) -> Frame:
    """Return ``frame`` with the color of each (nearly) transparent pixel replaced by that of the nearest
    visible pixel.

    Visible means an alpha of at least `VISIBLE_ALPHA`. A frame with only visible or no visible pixels is
    returned unchanged. The colors of transparent pixels are arbitrary, often black. They would otherwise leak
    into visible edges and change the statistics of instance norm.
    """
    if frame.alpha is None or not (hidden := frame.alpha < VISIBLE_ALPHA).any() or hidden.all():
        return frame
    _, nearest = cv2.distanceTransformWithLabels(
        hidden.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    color = np.zeros((nearest.max() + 1, 3), np.uint8)
    color[nearest[~hidden]] = frame.rgb[~hidden]
    return replace(frame, rgb=color[nearest])


def in_srgb(frame: Frame, icc: bytes) -> Frame:
    """Convert a frame from the color profile ``icc`` to sRGB. If the profile is damaged or its color space is
    not RGB, the frame is returned unchanged.
    """
    image = _to_srgb(Image.fromarray(frame.rgb), icc)
    return frame if image is None else Frame(np.array(image), frame.alpha, frame.duration_ms)


_SPACES = {
    b"RGB ": ("RGB", "RGBA", "RGBa", "RGBX", "P", "PA", "YCbCr"),
    b"CMYK": ("CMYK",),
    b"GRAY": ("1", "L", "LA", "La", "I", "F"),
    b"Lab ": ("LAB",),
}
"""Color space of a profile -> Pillow image modes that it suits. "I" includes "I;16"."""


def is_usable(icc: bytes, mode: str) -> bool:
    """Return whether a color profile is undamaged and suits images of the Pillow mode ``mode``."""
    try:
        ImageCms.ImageCmsProfile(io.BytesIO(icc))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return False
    return mode.partition(";")[0] in _SPACES.get(icc[16:20], ())


def is_srgb(icc: bytes) -> bool:
    """Return whether a color profile describes (nearly) the same colors as sRGB, whatever its name.

    False if the profile is damaged or its color space is not RGB.
    """
    levels = np.arange(0, 256, 51, dtype=np.uint8)
    colors = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    converted = _to_srgb(Image.fromarray(colors), icc)
    return converted is not None and int(np.abs(np.asarray(converted).astype(int) - colors).max()) <= _SAME


def _alpha_of(image: Image.Image) -> tuple[Image.Image, Gray | None]:
    """Return the image without its alpha channel, and the alpha channel, uint8 (H, W), or None."""
    transparency = image.info.get("transparency")
    if image.mode in ("RGBa", "La"):
        image = image.convert(image.mode.upper())
    if image.mode == "LA":
        return image.getchannel(0), np.array(image.getchannel(1))
    if image.mode.startswith("I") and isinstance(transparency, int):
        return image, np.where(np.asarray(image) == transparency, 0, 255).astype(np.uint8)
    if image.mode in ("RGBA", "PA") or (transparency is not None and image.mode in ("1", "L", "P", "RGB")):
        rgba = np.array(image.convert("RGBA"))
        return Image.fromarray(np.ascontiguousarray(rgba[..., :3])), np.ascontiguousarray(rgba[..., 3])
    return image, None


def _eight_bit(image: Image.Image) -> Gray:
    """Return a gray image of 12, 16 or 32 bits, or of floating point values, as uint8 (H, W).

    The value that becomes 255 (white) is the first of the following that no pixel exceeds: for floats 1, 255
    and 65535; for integers 4095 (only if a TIFF file declares 12 bits) and 65535. If all are exceeded, it is
    the largest value. Negative and non-finite values become 0.
    """
    values = np.nan_to_num(np.asarray(image).astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0).clip(min=0)
    peak = float(values.max())
    twelve_bit = getattr(image, "tag_v2", {}).get(258) == (12,)
    steps = [1.0, 255.0, 65535.0] if image.mode == "F" else [4095.0, 65535.0] if twelve_bit else [65535.0]
    top = next((step for step in steps if peak <= step), peak)
    result: Gray = (values * (255.0 / top) + 0.5).astype(np.uint8)
    return result


def _to_srgb(image: Image.Image, profile: bytes | ImageCms.ImageCmsProfile) -> Image.Image | None:
    """Return an image converted from the color profile ``profile`` to sRGB, or None if the profile is damaged
    or does not suit the image.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if isinstance(profile, bytes) else profile
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None

"""One frame as the file of a still, in every format that is written."""

import io

import numpy as np

from fststyle import animation
from fststyle.pixels import Frame, in_srgb, on_white, to_pil

_ALPHA = {"PNG", "WEBP", "TIFF", "GIF", "AVIF", "JPEG2000"}
_PROFILES = {"PNG", "JPEG", "WEBP", "TIFF", "AVIF"}


def encode(frame: Frame, kind: str, *, alpha: bool, icc: bytes | None = None, quality: int = 95) -> bytes:
    """The file of ``frame`` as ``kind`` (Pillow's name of the format), raising what Pillow raises.

    ``alpha``: whether the file has transparency, where the format knows any; a frame that has none gets an opaque one, and one that has it goes on white
    without it. ``icc`` describes the colours; a format without profiles gets them in sRGB. ``quality`` is 1..100, for JPEG, WebP and AVIF.
    """
    alpha = alpha and kind in _ALPHA
    if alpha and frame.alpha is None:
        frame = Frame(frame.rgb, np.full(frame.rgb.shape[:2], 255, np.uint8))
    elif not alpha and frame.alpha is not None:
        frame = Frame(on_white(frame.rgb, frame.alpha))
    if icc and kind not in _PROFILES:
        frame, icc = in_srgb(frame, icc), None
    buffer = io.BytesIO()
    if kind == "GIF":
        # Unoptimised, so that the transparent colour is told of a frame without any too: what lies under the others is cleared then.
        animation.quantised(frame).save(buffer, "GIF", **({"transparency": 255, "optimize": False} if alpha else {}))
        return buffer.getvalue()
    options: dict[str, object] = {"icc_profile": icc} if icc else {}
    if kind in ("JPEG", "WEBP", "AVIF"):
        options["quality"] = quality
    if kind in ("JPEG", "AVIF"):
        options["subsampling"] = "4:4:4"
    if kind == "TIFF":
        options["compression"] = "tiff_adobe_deflate"
    to_pil(frame).save(buffer, kind, **options)
    return buffer.getvalue()

"""Encoding of images in all writable formats."""

import io
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from fststyle.arrays import Gray
from fststyle.errors import OutputError
from fststyle.io import animation, lossless, metadata, plugins
from fststyle.io.metadata import Metadata
from fststyle.io.picture import Picture
from fststyle.io.pixels import CONVERTED_PROFILE, Frame, in_srgb, is_srgb, on_white, to_pil

WRITABLE = {
    **{".png": "PNG", ".apng": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jfif": "JPEG", ".webp": "WEBP"},
    **{".gif": "GIF", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP", ".ppm": "PPM", ".jp2": "JPEG2000"},
    **{".avif": "AVIF", ".heic": "HEIF", ".heif": "HEIF", ".jxl": "JXL"},
}
"""File suffix -> Pillow's name for the format."""

PARTIAL = "partial transparency"
"""Name, for messages, of alpha values other than 0 and 255, which GIF cannot store."""
_ALPHA = {"PNG", "WEBP", "TIFF", "GIF", "AVIF", "JPEG2000", "HEIF", "JXL"}
"""Formats that are written with transparency."""
_PROFILES = {"PNG", "JPEG", "WEBP", "TIFF", "AVIF", "HEIF"}
"""Formats that are written with a color profile."""
_ANIMATED = {*animation.ASSEMBLERS, "AVIF"}
_MAX_SIDE = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535}
"""Maximum side in pixels, for formats with a limit."""


def format_of(text: str, name: str) -> str:
    """Return Pillow's name for a format.

    Args:
        text: Pillow's name, or a suffix with or without the dot, in upper or lower case.
        name: the file name to put at the start of error messages.

    Raises:
        OutputError: the format is unknown, or Pillow was built without it.
        DependencyError: its package is not installed.
    """
    wanted = text.upper().lstrip(".")
    kind = wanted if wanted in WRITABLE.values() else WRITABLE.get("." + wanted.lower())
    if kind is None:
        problem = f"cannot write {text!r}" if text else "no format given"
        raise OutputError(f"{name}: {problem}; use one of {' '.join(sorted(WRITABLE))}")
    Image.init()
    plugins.load(kind, name)
    if kind not in Image.SAVE:
        raise OutputError(f"{name}: this Pillow was built without {kind}")
    return kind


def check_lossless(kind: str, name: str) -> None:
    """Raise `OutputError` if lossless output in the format ``kind`` is not supported."""
    if kind not in lossless.OPTIONS:
        raise OutputError(
            f"{name}: lossless {kind} output is not supported; use .png or .webp, or omit --lossless"
        )


def check_fits(picture: Picture, kind: str, name: str) -> None:
    """Raise `OutputError` if there are no frames, if the frames differ in size, or if the format ``kind``
    does not support their number or size.
    """
    if not picture.frames:
        raise OutputError(f"{name}: the image has no frames")
    if any(frame.rgb.shape != picture.frames[0].rgb.shape for frame in picture.frames):
        raise OutputError(f"{name}: the frames differ in size")
    if picture.animated and kind not in _ANIMATED:
        raise OutputError(
            f"{name}: {kind} does not support {len(picture.frames)} frames; use .gif, .webp, .png or .avif"
        )
    if max(picture.size) > _MAX_SIDE.get(kind, max(picture.size)):
        size = f"{picture.size[1]}x{picture.size[0]}"
        raise OutputError(
            f"{name}: {kind} supports at most {_MAX_SIDE[kind]} pixels per side; the image has {size}"
        )


def encode(
    frame: Frame,
    kind: str,
    *,
    alpha: bool,
    icc: bytes | None = None,
    quality: int = 95,
    exact: bool = False,
    extra: dict[str, Any] | None = None,
) -> bytes:
    """Return one frame as the content of an image file. Exceptions of Pillow propagate.

    Args:
        frame: the frame.
        kind: Pillow's name for the format.
        alpha: whether to write an alpha channel. A frame without alpha then gets an opaque one. If False, or
            if the format has no transparency, a frame with alpha is composited on white.
        icc: color profile of the frame; None for sRGB. For a format without profiles, the frame is converted
            to sRGB.
        quality: 1..100, for JPEG, WebP, AVIF, HEIC and JPEG XL.
        exact: whether to encode losslessly; only for the formats in `fststyle.io.lossless.OPTIONS`.
        extra: the arguments returned by `fststyle.io.metadata.options`.
    """
    frame, icc = _fitting(frame, kind, alpha, icc)
    buffer = io.BytesIO()
    if kind == "GIF":
        # Without optimization, even a frame without transparent pixels has a transparent color, so that the
        # assembler clears the canvas after it.
        transparent = {"transparency": 255, "optimize": False} if frame.alpha is not None else {}
        animation.quantized(frame).save(buffer, "GIF", **transparent)
        return buffer.getvalue()
    options = _options(kind, icc, quality, exact, extra)
    exif = options.pop("exif", None) if kind == "TIFF" else None
    to_pil(frame).save(buffer, kind, **options)
    return metadata.with_exif(buffer.getvalue(), exif) if exif else buffer.getvalue()


def write_picture(
    picture: Picture, file: BinaryIO, kind: str, quality: int, exact: bool, strip: bool
) -> list[str]:
    """Write all frames of a picture to ``file``.

    Returns the names of the parts of the picture that are not in the file, such as "EXIF data". ``kind``,
    ``quality`` and ``exact`` are as in `encode`. If ``strip`` is True, metadata is omitted, and its names are
    not returned. ``file`` must be seekable if the picture is animated. Exceptions of Pillow
    propagate.
    """
    alpha = any(frame.alpha is not None for frame in picture.frames)
    extra, lost = metadata.options(Metadata() if strip else picture.metadata, kind, picture.size)
    lost += _lost_alpha(picture.frames, kind)
    if picture.icc and kind not in _PROFILES and not is_srgb(picture.icc):
        lost.append(CONVERTED_PROFILE)
    if picture.animated and kind == "AVIF":
        _write_avif(picture, file, alpha, _options(kind, picture.icc, quality, exact, extra))
        return lost + (["number of repetitions"] if picture.loop else [])
    # Either all frames of an animation have alpha or none has, since an APNG file has one pixel type.
    stills = (
        encode(
            frame,
            kind,
            alpha=alpha,
            icc=picture.icc,
            quality=quality,
            exact=exact,
            extra=extra if not index else {},
        )
        for index, frame in enumerate(picture.frames)
    )
    if not picture.animated:
        file.write(next(stills))
        return lost
    assembler = animation.ASSEMBLERS[kind](file, picture.size, picture.loop)
    for still, frame in zip(stills, picture.frames, strict=True):
        assembler.add(still, frame.duration_ms)
    assembler.close()
    return lost


def _fitting(frame: Frame, kind: str, alpha: bool, icc: bytes | None) -> tuple[Frame, bytes | None]:
    """Add or remove the alpha channel of a frame, and convert its colors, as `encode` documents for ``alpha``
    and ``icc``. Returns the new frame and the color profile to store.
    """
    if alpha and kind in _ALPHA:
        if frame.alpha is None:
            frame = Frame(frame.rgb, np.full(frame.rgb.shape[:2], 255, np.uint8))
    elif frame.alpha is not None:
        frame = Frame(on_white(frame.rgb, frame.alpha))
    return (in_srgb(frame, icc), None) if icc and kind not in _PROFILES else (frame, icc)


def _options(
    kind: str, icc: bytes | None, quality: int, exact: bool, extra: dict[str, Any] | None
) -> dict[str, Any]:
    options: dict[str, Any] = dict(extra or {})
    if icc:
        options["icc_profile"] = icc
    if kind in ("JPEG", "WEBP", "AVIF", "HEIF", "JXL"):
        options["quality"] = quality
    if kind in ("JPEG", "AVIF"):
        options["subsampling"] = "4:4:4"
    if kind == "HEIF":
        options["chroma"] = 444
    if kind == "TIFF":
        options["compression"] = "tiff_adobe_deflate"
    return options | (lossless.OPTIONS[kind] if exact else {})


def _write_avif(picture: Picture, file: BinaryIO, alpha: bool, options: dict[str, Any]) -> None:
    first, *others = (to_pil(_fitting(frame, "AVIF", alpha, picture.icc)[0]) for frame in picture.frames)
    shown = [
        animation.DEFAULT_MS if frame.duration_ms is None else frame.duration_ms for frame in picture.frames
    ]
    # AVIF does not support a duration of 0.
    first.save(
        file, "AVIF", save_all=True, append_images=others, duration=[max(1, ms) for ms in shown], **options
    )


def _lost_alpha(frames: Sequence[Frame], kind: str) -> list[str]:
    alphas = [frame.alpha for frame in frames if frame.alpha is not None]
    if kind not in _ALPHA:
        return ["transparency"] if any(alpha.min() < 255 for alpha in alphas) else []
    return [PARTIAL] if kind == "GIF" and any(is_partial(alpha) for alpha in alphas) else []


def is_partial(alpha: Gray | None) -> bool:
    """Return whether any pixel of ``alpha`` is neither fully transparent nor fully opaque; False for None."""
    return alpha is not None and bool(((alpha > 0) & (alpha < 255)).any())

"""Decoding of open image files to frames with Pillow, for `fststyle.io.images`."""

import contextlib
import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from fststyle.errors import FststyleError, InputError
from fststyle.io import gamma, jxl, metadata, plugins, unread
from fststyle.io.lossless import is_lossless_webp
from fststyle.io.picture import MAX_FRAMES, Outline
from fststyle.io.pillow import formats, guarded
from fststyle.io.pixels import CONVERTED_PROFILE, MIN_SIDE, Frame, from_pil_with_profile, is_srgb, is_usable

_ANIMATED = {"GIF", "WEBP", "PNG", "AVIF"}
"""Formats whose images are the frames of an animation. In other formats, the images after the first are not
read: they are pages, layers, sizes, or the previews and gain maps that phones append to a JPEG file (MPO).
"""
_FURTHER = {"TIFF": "page", "PSD": "layer"}
"""Pillow's name for the format -> what an image after the first is called; "image" for other formats."""
MOTION_PHOTO = "video of a motion photo"
_MP4 = re.compile(rb"\0\0\0[\x10-\x80]ftyp(?:mp4|iso|qt  |avc|MSNV|3gp|M4V|heic|hvc)", re.DOTALL)
"""Start of an MP4 file: length, type and brand of its first box."""
_MP4_LENGTH = 16
"""Number of bytes by which searched blocks overlap: at least the length of a match of `_MP4`."""
_BLOCK = 1 << 20
_SUBFILE = 254
"""TIFF tag whose lowest bit marks an image as a reduced copy of another."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> the operation that makes the image upright."""


@dataclass(frozen=True)
class Opened:
    """An image file whose header has been read.

    ``image`` is the open Pillow image, and ``outline`` is the header. ``further`` is the number of images
    after the first, such as pages, that are not frames of an animation. ``lossless`` is True if the file is a
    WebP or JPEG XL file that is known to be lossless. ``lost`` lists, for use in messages, the names of the
    content that neither `frames` nor `fststyle.io.metadata.of` returns.
    """

    image: Image.Image
    outline: Outline
    further: int
    lossless: bool
    lost: tuple[str, ...]


@contextlib.contextmanager
def opened(stream: BinaryIO, name: str, max_pixels: int) -> Iterator[Opened]:
    """Context manager that opens an image file.

    Any exception in the block except an `FststyleError` becomes an `InputError`, since Pillow's parsers raise
    exceptions of many types for damaged files.

    Args:
        stream: the open file, which must be seekable.
        name: the file name to put at the start of error messages.
        max_pixels: limit of H * W.

    Raises:
        InputError: the file cannot be read, is empty, is damaged, is a raw photo or is not an image; or the
            image has a side below 16 pixels, is too large or has more than `MAX_FRAMES` frames.
        DependencyError: the package for the format of the file is not installed.
    """
    try:
        start = stream.tell()
        if not stream.read(1):
            raise InputError(f"{name}: is empty")
        stream.seek(start)
        kind, exact = plugins.kind_of(stream), is_lossless_webp(stream)
        header = jxl.header(stream) if kind == "JXL" else None
        if header is not None:  # before the plugin decodes the whole image
            check_size(header.size, 1, name, max_pixels)
        if kind is not None:
            plugins.load(kind, name)
        with guarded(max_pixels), Image.open(stream, formats=formats()) as image:
            if header is not None and header.xmp:
                image.info["xmp"] = header.xmp
            if _is_preview(image):
                raise InputError(
                    f"{name}: its first image is only a preview, as in raw photos (DNG, NEF, ARW); convert it"
                    " to another format"
                )
            further = 0 if image.format in _ANIMATED else getattr(image, "n_frames", 1) - 1
            outline = _outline(image, name, max_pixels)
            exact = exact or (header is not None and header.exact)
            motion = MOTION_PHOTO in (video := [*_video_after(image, stream, start)])
            found = (
                *_lost(image, further, header),
                *unread.names(image, stream, start),
                *video,
            )
            lost = tuple(name for name in dict.fromkeys(found) if (name, motion) != (unread.AFTER, True))
            held = (*metadata.names(metadata.of(image)), *_wide(image))
            yield Opened(image, replace(outline, lost=lost, metadata=held), further, exact, lost)
    except FststyleError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(f"{name}: is not an image that can be read") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{name}: contains more than {max_pixels:,} pixels") from error
    except MemoryError as error:
        raise InputError(f"{name}: does not fit in memory") from error
    except OSError as error:
        # Pillow's own errors have no errno, and EINVAL is a seek to an invalid offset in a damaged file.
        problem = "is damaged or not supported" if error.errno in (None, errno.EINVAL) else "cannot be read"
        raise InputError(f"{name}: {problem} ({reason(error)})") from error
    except Exception as error:  # Pillow's parsers raise any exception for a damaged file
        raise InputError(f"{name}: is damaged or not supported ({reason(error)})") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # raised by plugins written in Rust
            raise
        raise InputError(f"{name}: is damaged ({reason(error)})") from error


def frames(opened: Opened, name: str, max_pixels: int) -> Iterator[tuple[Frame, bytes | None]]:
    """Yield the frames in upright orientation, each with its color profile or None.

    The still image of an APNG file that is not part of the animation is skipped. Exceptions of Pillow
    propagate, so iterate within the block of `opened`.

    Args:
        opened: the opened file.
        name: the file name to put at the start of error messages.
        max_pixels: limit of H * W of a frame.

    Raises:
        InputError: a frame of an animation has a side below 16 pixels, or is too large.
    """
    image = opened.image
    icc, power = _profile(image), gamma.of(image)
    if icc and not is_usable(icc, image.mode):
        icc = None
    count = getattr(image, "n_frames", 1) if image.format in _ANIMATED else 1
    first = 1 if count > 1 and image.info.get("default_image") else 0
    width, height = image.size
    for index in range(first, count):
        if count > 1:
            image.seek(index)
            check_size(image.size, 1, name, max_pixels)
        image.load()
        duration = image.info.get("duration") if count - first > 1 else None
        # Pillow enlarges the canvas if a GIF frame extends beyond it, so crop the frame.
        whole = image.size == (width, height) or count == 1
        still = _upright(image if whole else image.crop((0, 0, width, height)), image)
        frame, kept = from_pil_with_profile(still, icc)
        rgb = frame.rgb if power is None else gamma.in_srgb(frame.rgb, power)
        yield Frame(rgb, frame.alpha, None if duration is None else round(duration)), kept


def check_size(size: tuple[int, int], frames: int, name: str, max_pixels: int) -> None:
    """Raise `InputError` if a side is below 16 pixels, or all frames together have more than ``max_pixels``
    pixels.

    ``size`` is the (width, height) of each frame, and ``frames`` their number. The message begins with
    ``name``.
    """
    width, height = size
    if min(width, height) < MIN_SIDE:
        raise InputError(
            f"{name}: {width}x{height} pixels is too small; the minimum is {MIN_SIDE}x{MIN_SIDE}"
        )
    if width * height * frames > max_pixels:
        several = f" x {frames} frames" if frames > 1 else ""
        raise InputError(
            f"{name}: {width}x{height} pixels{several} is more than the maximum of {max_pixels:,} pixels"
        )


def reason(error: BaseException) -> str:
    """Return the message of an exception as one line of at most 120 characters.

    If the exception has no message, return the name of its type.
    """
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:120] or type(error).__name__


def _outline(image: Image.Image, name: str, max_pixels: int) -> Outline:
    check_size(image.size, 1, name, max_pixels)
    count = getattr(image, "n_frames", 1) if image.format in _ANIMATED else 1
    # The default image of an APNG file, for programs without animation, is not a frame.
    count -= 1 if count > 1 and image.info.get("default_image") else 0
    if count > MAX_FRAMES:
        raise InputError(f"{name}: has {count:,} frames; the maximum is {MAX_FRAMES:,}")
    alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    # Pillow does not read the loop count of AVIF; most animations are endless.
    loop = 0 if image.format == "AVIF" else None
    return Outline(image.format, image.size, count, image.info.get("loop", loop), alpha)


def _is_preview(image: Image.Image) -> bool:
    """Return whether the first image of a TIFF file is a reduced copy of another, as in DNG, NEF and ARW
    files.
    """
    if image.format != "TIFF":
        return False
    kind = image.tag_v2.get(_SUBFILE, 0)  # type: ignore[attr-defined]
    return isinstance(kind, int) and bool(kind & 1)


def _is_deep(image: Image.Image) -> bool:
    """Return whether Pillow reports more than 8 bits per channel."""
    stored = str([tile[-1] for tile in getattr(image, "tile", [])])
    return image.mode[0] in "IF" or ";16" in stored or image.info.get("bit_depth", 8) > 8


def _profile(image: Image.Image) -> bytes | None:
    """Return the color profile of an image, or None if it has none.

    An sRGB profile of a JPEG XL image is ignored, since the decoder adds one if the file has no profile.
    """
    icc = image.info.get("icc_profile")
    if icc and image.format == "JXL" and is_srgb(icc):  # the decoder adds one if the file has none
        return None
    return icc or None


def _wide(image: Image.Image) -> Iterator[str]:
    """Yield `CONVERTED_PROFILE` if the image has a usable color profile other than sRGB.

    Such a profile is lost if the image becomes part of a video, since video frames are converted to sRGB.
    """
    if (icc := _profile(image)) and is_usable(icc, image.mode) and not is_srgb(icc):
        yield CONVERTED_PROFILE


def _lost(image: Image.Image, further: int, header: jxl.Header | None) -> Iterator[str]:
    """Yield the names of the content of an image file that Pillow or the conversion to 8-bit RGB drops.

    The names are used in messages. ``further`` has the same meaning as in `Opened`. ``header`` is the header
    of a JPEG XL file, or None for other formats.
    """
    if further > 0:
        what = _FURTHER.get(image.format or "", "image")
        yield f"{further} further {what}{'s' if further > 1 else ''}"
    if image.format in _ANIMATED and image.info.get("default_image"):
        yield "still image of an animation"
    if image.format in ("ICO", "ICNS") and (sizes := len(image.info.get("sizes", ())) - 1) > 0:
        yield f"{sizes} further size{'s' if sizes > 1 else ''}"
    if _is_deep(image):
        yield "more than 8 bits per channel"
    if image.mode in ("CMYK", "LAB"):
        yield f"{image.mode} colors (converted to RGB)"
    if (icc := _profile(image)) and not is_usable(icc, image.mode):
        yield "color profile (damaged, or for other colors)"
    elif icc and icc[16:20] == b"GRAY":
        yield CONVERTED_PROFILE
    if image.info.get("depth_images") or image.info.get("aux"):
        yield "auxiliary images (depth, gain map)"
    if header is not None and header.animated:
        yield "all frames but the first"
    if header is not None and header.compressed:
        yield "compressed metadata"
    if metadata.is_motion_photo(image):
        yield MOTION_PHOTO


def _video_after(image: Image.Image, stream: BinaryIO, start: int) -> Iterator[str]:
    """Yield `MOTION_PHOTO` if a JPEG file contains an MP4 video, such as those that phones append to photos.

    The video is found even if the XMP data does not mention it. The position of ``stream`` is restored.
    """
    if image.format not in ("JPEG", "MPO"):
        return
    position, rest = stream.tell(), b""
    stream.seek(start)
    try:
        while block := stream.read(_BLOCK):
            if _MP4.search(rest + block):
                yield MOTION_PHOTO
                break
            rest = block[-_MP4_LENGTH:]
    finally:
        stream.seek(position)


def _upright(still: Image.Image, image: Image.Image) -> Image.Image:
    """Return ``still``, rotated and mirrored according to the EXIF orientation of the file ``image``.

    Damaged EXIF data is ignored. JPEG XL has its own orientation, which its decoder applies, except for
    images that were transcoded from JPEG.
    """
    if image.format == "JXL" and not getattr(image, "jpeg", False):
        return still
    try:
        turn = _TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:
        turn = None
    if turn is None:
        return still
    turned = still.transpose(turn)
    turned.info = still.info
    return turned

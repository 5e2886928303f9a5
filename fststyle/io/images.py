"""Reading and writing of image files as RGB uint8 (H, W, 3).

`read` returns all frames of an image as upright 8-bit RGB. It reads all formats of Pillow except EPS, and
with optional packages HEIC and JPEG XL. `write` writes a complete file or none. Every problem with a file is
an `InputError`, an `OutputError` or a `DependencyError` that names the file; no other exceptions or warnings
are raised.
"""

import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from fststyle.errors import InputError, OutputError
from fststyle.io import metadata
from fststyle.io.decode import check_size, frames, opened, reason
from fststyle.io.encode import WRITABLE, check_fits, check_lossless, encode, format_of, write_picture
from fststyle.io.files import replacing
from fststyle.io.folders import Refused, files
from fststyle.io.picture import MAX_PIXELS, Outline, Picture
from fststyle.io.pillow import guarded, libtiff_errors
from fststyle.io.pixels import MIN_SIDE, Frame, from_pil, in_srgb, to_pil
from fststyle.io.resize import resize

__all__ = [
    "MAX_PIXELS",
    "MIN_SIDE",
    "READABLE",
    "WRITABLE",
    "Frame",
    "Outline",
    "Picture",
    "encode",
    "find",
    "from_pil",
    "outline",
    "read",
    "resize",
    "stream",
    "to_pil",
    "write",
]

READABLE = frozenset(WRITABLE) | {
    *(
        ".jpe",
        ".mpo",
        ".dib",
        ".pgm",
        ".pbm",
        ".pnm",
        ".tga",
        ".j2k",
        ".ico",
        ".icns",
        ".pcx",
        ".qoi",
        ".dds",
        ".psd",
    ),
    *(".sgi", ".hif"),
}
"""Suffixes of the images that `find` returns. `read` ignores the suffix."""


def read(source: Path | str | bytes | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read an image file.

    The EXIF orientation is applied, alpha is preserved, 16-bit values are scaled to 8 bits, and CMYK and gray
    images are converted to RGB with their color profile, if there is one.

    Args:
        source: a path, the content of a file, or an open binary file, which stays open.
        max_pixels: limit of H * W * frames, which is checked before pixels are decoded.

    Raises:
        InputError: the file is missing, cannot be read, is empty, is damaged, is a raw photo or is not an
            image; or the image has a side below 16 pixels, is too large or has too many frames.
        DependencyError: the package for the format of the file is not installed.
    """
    name = _name_of(source)
    if isinstance(source, bytes):
        return _read_stream(io.BytesIO(source), name, max_pixels)
    if not isinstance(source, (str, Path)):
        return _read_stream(source if source.seekable() else io.BytesIO(source.read()), name, max_pixels)
    with _file(source) as file:
        return _read_stream(file, name, max_pixels)


def outline(path: Path, *, max_pixels: int = MAX_PIXELS) -> Outline:
    """Return the `Outline` (the header) of an image file, without decoding all frames.

    ``max_pixels`` is the limit of H * W. Raises the same errors as `read`.
    """
    with _file(path) as file, opened(file, str(path), max_pixels) as found:
        return found.outline


def stream(path: Path, *, max_pixels: int = MAX_PIXELS) -> Iterator[Frame]:
    """Yield the frames of an image file in sRGB. Each frame is decoded when it is requested.

    ``max_pixels`` is the limit of H * W. Raises the same errors as `read`, possibly after some frames.
    """
    with _file(path) as file, opened(file, str(path), max_pixels) as found:
        for frame, icc in frames(found, str(path), max_pixels):
            yield in_srgb(frame, icc) if icc else frame


def write(
    picture: Picture,
    destination: Path | str | BinaryIO,
    *,
    format: str | None = None,
    quality: int = 95,
    lossless: bool | None = None,
    strip_metadata: bool = False,
) -> list[str]:
    """Write a picture to an image file. A path is written atomically, and missing folders are created.

    For a format without alpha, the picture is composited on white; for one without color profiles, it is
    converted to sRGB. Metadata is written with orientation 1 and without thumbnails. GIF, WebP, PNG and AVIF
    files can have several frames. In GIF files, durations are rounded to hundredths of a second; the rounding
    errors do not accumulate.

    Args:
        picture: the picture.
        destination: a path or an open binary file.
        format: a suffix such as "png" or ".jpg", or Pillow's name for the format; default: the suffix of the
            path, or ``picture.format`` if there is no suffix.
        quality: 1..100, for lossy formats.
        lossless: whether to write exact pixels; default: True if the picture was read from a lossless WebP or
            JPEG XL file and is written in the same format.
        strip_metadata: whether to omit metadata.

    Returns:
        The names of the parts of the picture that are not in the file, such as "EXIF data" or "transparency".

    Raises:
        OutputError: the format is unknown, or does not support the picture or lossless pixels, or the file
            cannot be written.
        DependencyError: the package for the format is not installed.
        InputError: ``quality`` is not between 1 and 100.
    """
    name = _name_of(destination)
    if not 1 <= quality <= 100:
        raise InputError(f"quality {quality} is not between 1 and 100")
    suffix = Path(destination).suffix if isinstance(destination, (str, Path)) else ""
    kind = format_of(format or suffix or picture.format or "", name)
    check_fits(picture, kind, name)
    if lossless:
        check_lossless(kind, name)
    exact = picture.lossless and kind == picture.format if lossless is None else lossless
    if not isinstance(destination, (str, Path)):
        # Encode to memory first, so that nothing is written after a failure, and since a pipe is not
        # seekable.
        buffer = io.BytesIO()
        lost = _encode(picture, buffer, kind, quality, exact, strip_metadata, name)
        try:
            destination.write(buffer.getbuffer())
        except (OSError, ValueError) as error:
            raise OutputError(f"{name}: cannot be written: {reason(error)}") from error
        return lost
    path = Path(destination)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            return _encode(picture, file, kind, quality, exact, strip_metadata, name)
    except (OSError, ValueError) as error:
        raise OutputError(f"{name}: cannot be written: {reason(error)}") from error


def find(
    folder: Path, without: Iterable[Path] = (), on_refused: Refused = lambda place, error: None
) -> list[Path]:
    """Return the sorted files with a suffix in `READABLE` in a folder and its subfolders, except those in
    ``without``.

    ``on_refused`` is called with the path and an `InputError` for each subfolder that cannot be read, and for
    each link to a missing file.

    Raises:
        InputError: the folder does not exist or cannot be read, or no files remain.
    """
    left_out = {os.path.realpath(path) for path in without}
    found = [
        path for path in files(Path(folder), READABLE, on_refused) if os.path.realpath(path) not in left_out
    ]
    if not found:
        raise InputError(f"{folder}: contains no image files")
    return found


def _file(name: Path | str) -> BinaryIO:
    try:
        if not (path := Path(name)).is_file():
            problem = "is not a regular file" if path.exists() else "no such file"
            raise InputError(f"{name}: {'is a folder, not an image' if path.is_dir() else problem}")
        return path.open("rb")
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: {reason(error)}") from error


def _read_stream(stream: BinaryIO, name: str, max_pixels: int) -> Picture:
    errors = libtiff_errors()
    with opened(stream, name, max_pixels) as found:
        outline = found.outline
        check_size(outline.size, outline.frames, name, max_pixels)
        stills = list(frames(found, name, max_pixels))
        return Picture(
            [frame for frame, _ in stills],
            stills[-1][1],
            "JPEG" if outline.format == "MPO" else outline.format,
            outline.loop if len(stills) > 1 else None,
            found.further if outline.format == "TIFF" else 0,
            metadata.of(found.image),
            found.lossless,
            (*found.lost, *(("damaged parts of the image",) if libtiff_errors() > errors else ())),
        )


def _encode(
    picture: Picture, file: BinaryIO, kind: str, quality: int, exact: bool, strip: bool, name: str
) -> list[str]:
    try:
        with guarded(MAX_PIXELS):
            return write_picture(picture, file, kind, quality, exact, strip)
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # an error of the file system, not of the encoder
        raise OutputError(f"{name}: cannot be written as {kind}: {reason(error)}") from error


def _name_of(place: object) -> str:
    if isinstance(place, (str, Path)):
        return str(place)
    named = getattr(place, "name", None)
    return named if isinstance(named, str) and named else "image data"

"""Any image file <-> RGB uint8 (H, W, 3).

`read` takes what Pillow can read, upright, in 8-bit RGB, with every frame of an animation. `write` writes a
complete file or none. A problem with a file is an `InputError` or an `OutputError` that names it; no other
exception and no warning escapes.
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
"""Suffixes that `find` takes for images; `read` goes by content."""


def read(source: Path | str | bytes | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """The picture in a file, given by its path, its content or an open binary file (which stays open).

    The EXIF orientation is applied, alpha kept, 16 bits scaled to 8, CMYK and gray converted to RGB (through
    their color profile if they have one). ``max_pixels`` bounds H * W * frames and is compared with the
    header before any pixel is decoded. Raises `InputError` for what is missing, empty, no image, damaged,
    below 16x16 or too large.
    """
    name = _name_of(source)
    if isinstance(source, bytes):
        return _read_stream(io.BytesIO(source), name, max_pixels)
    if not isinstance(source, (str, Path)):
        return _read_stream(source if source.seekable() else io.BytesIO(source.read()), name, max_pixels)
    with _file(source) as file:
        return _read_stream(file, name, max_pixels)


def outline(path: Path, *, max_pixels: int = MAX_PIXELS) -> Outline:
    """The header of an image file. Raises as `read`."""
    with _file(path) as file, opened(file, str(path), max_pixels) as found:
        return found.outline


def stream(path: Path, *, max_pixels: int = MAX_PIXELS) -> Iterator[Frame]:
    """The frames of an animation in sRGB, each decoded when it is asked for.

    Raises as `read`, also between frames.
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
    """Write a picture, atomically where ``destination`` is a path; missing folders are made.

    Gives the names of what the picture has and the file cannot hold, such as "EXIF data" or "transparency".

    The format is ``format`` ("png", ".jpg", Pillow's names), else the suffix, else (for an open file) the one
    the picture was read from. ``quality`` is 1..100, for formats with loss. ``lossless`` writes exact pixels;
    None does so if the picture was read from a lossless file of the same format. A format without alpha gets
    the picture on white, one without color profiles gets it in sRGB. Metadata is written with orientation 1
    and without thumbnails;
    ``strip_metadata`` leaves it out. GIF, WebP, PNG and AVIF hold animations, every frame kept as its own;
    GIF counts in hundredths of a second, so single durations are rounded there.

    Raises `OutputError` for an unknown format, a picture the format cannot hold, a format without a lossless
    mode where that is asked for, or a place that cannot be written; `InputError` for the quality.
    """
    name = _name_of(destination)
    if not 1 <= quality <= 100:
        raise InputError(f"quality {quality} is not within 1..100")
    suffix = Path(destination).suffix if isinstance(destination, (str, Path)) else ""
    kind = format_of(format or suffix or picture.format or "", name)
    check_fits(picture, kind, name)
    if lossless:
        check_lossless(kind, name)
    exact = picture.lossless and kind == picture.format if lossless is None else lossless
    if not isinstance(destination, (str, Path)):
        # Encoded apart first, so that a failure leaves nothing behind, and because a pipe cannot be searched.
        buffer = io.BytesIO()
        lost = _encode(picture, buffer, kind, quality, exact, strip_metadata, name)
        try:
            destination.write(buffer.getbuffer())
        except (OSError, ValueError) as error:
            raise OutputError(f"{name}: {reason(error)}") from error
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
    """The image files of a folder, as `fststyle.io.folders.files` finds them, except those of ``without``.

    Raises `InputError` for no folder and for none found.
    """
    left_out = {os.path.realpath(path) for path in without}
    found = [
        path for path in files(Path(folder), READABLE, on_refused) if os.path.realpath(path) not in left_out
    ]
    if not found:
        raise InputError(f"{folder}: holds no image files")
    return found


def _file(name: Path | str) -> BinaryIO:
    try:
        if not (path := Path(name)).is_file():
            problem = "is not a file" if path.exists() else "no such file"
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
            raise  # the disk, not the encoder
        raise OutputError(f"{name}: cannot be written as {kind}: {reason(error)}") from error


def _name_of(place: object) -> str:
    if isinstance(place, (str, Path)):
        return str(place)
    named = getattr(place, "name", None)
    return named if isinstance(named, str) and named else "image data"

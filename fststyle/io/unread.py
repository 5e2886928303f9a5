"""Find and name content of image files that is neither pixels nor supported metadata, such as content
credentials.
"""

import contextlib
import re
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from PIL import Image

from fststyle.io.metadata import TIFF_TAGS

CREDENTIALS = "content credentials (C2PA)"
PHOTOSHOP = "Photoshop resources"

_READ = (
    *(b"JFIF\0", b"JFXX\0", b"Exif\0"),
    *(b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/"),
    *(b"ICC_PROFILE\0", b"MPF\0", b"Photoshop 3.0\0", b"Adobe"),
)
"""Beginnings of the segments of a JPEG file that fststyle reads or names elsewhere, or that describe how the
image is coded.
"""

_DUCKY = b"Ducky"
"""Beginning of the segment that Photoshop's "Save for Web" writes."""

_RESOURCES = {0x03ED, 0x0404, 0x0409, 0x040C, 0x040F, 0x0422, 0x0424, 0x0425}
"""Photoshop image resources that fststyle reads, that repeat other metadata, or that are thumbnails."""

_STORAGE = frozenset(
    (
        *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283),
        *(284, 288, 289, 290, 291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330),
        *(332, 333, 334, 336, 337, 338, 339, 340, 341, 342, 347, *range(512, 522), 529, 530, 531, 532, 34675),
    )
)
"""Tags of a TIFF file that describe how the image is stored, and its color profile."""

_SRGB = (1, 13)
"""Color primaries and transfer characteristics of sRGB, as code points of ITU-T H.273."""

_SRGB_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
"""x and y of white, red, green and blue in sRGB, as in the chunk cHRM."""
_TOLERANCE = 0.01

_CHUNKS_READ = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"pHYs", b"eXIf"),
    *(b"tEXt", b"zTXt", b"iTXt", b"acTL", b"fcTL", b"fdAT", b"iDOT"),
}
"""Chunks of a PNG file that fststyle reads or names elsewhere, or that describe how the image is coded."""

_CHUNKS = {
    b"caBX": CREDENTIALS,
    b"cICP": "color description (cICP)",
    b"bKGD": "background color (bKGD)",
    b"tIME": "modification time (tIME)",
    b"sBIT": "significant bits (sBIT)",
}
"""Chunk of a PNG file -> its name for the user."""

_EXTENSION, _APPLICATION, _IMAGE = 0x21, 0xFF, 0x2C
"""Bytes in a GIF file: the first byte of an extension, the label that follows it in an application extension,
and the first byte of an image.
"""
_REPETITIONS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_APPLICATIONS = {b"XMP DataXMP": "XMP data", b"ICCRGBG1012": "color profile"}
"""Application extension of a GIF file -> its name for the user."""

_MAX_CHUNKS = 100_000
_REST = 1 << 20
"""Maximum number of bytes after the end of an image that are searched for data."""

_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
"""A marker of a JPEG file that is not part of entropy-coded data."""

AFTER = "data after the image"


def names(image: Image.Image, stream: BinaryIO, start: int) -> Iterator[str]:
    """Yield the names of the parts of an image file that are ignored when the image is read.

    These parts are neither pixels nor metadata that `fststyle.io.metadata.of` reads. The names are used in
    messages. ``stream`` is the open file from which ``image`` was opened, and ``start`` is the offset of the
    image in it. The position of ``stream`` is restored.
    """
    found: Any = image
    if image.format in ("JPEG", "MPO"):
        yield from _of_jpeg(found)
        if image.format == "JPEG":  # the images of an MPO file are named elsewhere
            with _positioned(stream, start):
                content = stream.read()
            yield from _after(content[_end_of_jpeg(content) :])
    elif image.format == "PNG":
        yield from _of_png(found, stream, start)
    elif image.format == "GIF":
        with _positioned(stream, start):
            content = stream.read()
        yield from _of_gif(content)
        if not content.rstrip(b"\0").endswith(b";"):
            yield "end of the file"
    elif image.format == "TIFF":
        tags = sorted({int(tag) for tag in found.tag_v2} - _STORAGE - TIFF_TAGS)
        if tags:
            yield f"TIFF tags {', '.join(map(str, tags[:10]))}{' and more' if len(tags) > 10 else ''}"


def _of_jpeg(image: Any) -> Iterator[str]:
    for name, content in image.applist:
        if name == "APP11" and content.startswith(b"JP"):
            yield CREDENTIALS
        elif content.startswith(_DUCKY):
            if _has_text(content):
                yield "comment of Photoshop (APP12)"
        elif name != "COM" and not content.startswith(_READ):
            yield f"application data ({name})"
    if {*image.info.get("photoshop", {})} - _RESOURCES:
        yield PHOTOSHOP


def _has_text(segment: bytes) -> bool:
    """Return whether a segment of Photoshop's "Save for Web" contains a comment or a copyright notice."""
    at = len(_DUCKY)
    while at + 4 < len(segment):
        kind, length = struct.unpack_from(">HH", segment, at)
        if kind in (2, 3):
            return True
        at += 4 + length
    return False


def _of_gif(content: bytes) -> Iterator[str]:
    for name in [*dict.fromkeys(_applications(content))][:10]:
        if name not in _REPETITIONS:
            yield _APPLICATIONS.get(name, f"application data ({name.decode('latin-1').strip()})")


def _applications(content: bytes) -> Iterator[bytes]:
    """Yield the names of the application extensions of a GIF file."""
    at = 13 + _palette(content[10])
    while at + 10 < len(content):
        if content[at] == _EXTENSION:
            if content[at + 1] == _APPLICATION:
                yield content[at + 3 : at + 14]
            at += 2
        elif content[at] == _IMAGE:
            at += 11 + _palette(content[at + 9])
        else:
            return
        while at < len(content) and content[at]:
            at += 1 + content[at]
        at += 1


def _palette(flags: int) -> int:
    """Return the size in bytes of a palette of a GIF file, or 0 if there is none.

    ``flags`` is the byte of the GIF header or of an image descriptor that describes the palette.
    """
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _of_png(image: Any, stream: BinaryIO, start: int) -> Iterator[str]:
    with _positioned(stream, start):
        chunks = {*_chunks(stream)}
        rest = stream.read(_REST)
    yield from _after(rest)
    unread = {name for name, content in chunks if name not in _CHUNKS_READ and not _is_usual(name, content)}
    yield from sorted(_CHUNKS.get(name, f"PNG chunk {name.decode('latin-1')}") for name in unread)[:10]
    primaries = image.info.get("chromaticity")
    if primaries and not {*image.info} & {"icc_profile", "srgb"}:
        pairs = zip(primaries, _SRGB_PRIMARIES, strict=False)
        if any(abs(stated - usual) > _TOLERANCE for stated, usual in pairs):
            yield "color primaries (cHRM)"


def _after(rest: bytes) -> Iterator[str]:
    """Yield `AFTER` if ``rest``, the data after the end of an image, contains more than padding."""
    if rest[:_REST].strip(b"\0\r\n "):
        yield AFTER


def _end_of_jpeg(content: bytes) -> int:
    """Return the offset after the end marker of a JPEG file, or the length of a file without one."""
    at = 2
    while (found := _MARKER.search(content, at)) is not None:
        at = found.end()
        if found[0][1] == 0xD9:
            return at
        at += int.from_bytes(content[at : at + 2], "big")
    return len(content)


@contextlib.contextmanager
def _positioned(stream: BinaryIO, start: int) -> Iterator[None]:
    """Context manager that moves ``stream`` to the offset ``start``, and back at the end of the block."""
    position = stream.tell()
    stream.seek(start)
    try:
        yield
    finally:
        stream.seek(position)


def _is_usual(name: bytes, content: bytes) -> bool:
    """Return whether a PNG chunk is cICP or sBIT and holds only the default (sRGB, 8 bits)."""
    usual = content[:2] == bytes(_SRGB) if name == b"cICP" else not content.strip(b"\x08")
    return name in (b"cICP", b"sBIT") and usual


def _chunks(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the first four bytes of the content of each chunk before IEND in a PNG file.

    For IDAT, b"" is yielded instead of the content. ``stream`` must be at the start of the file; it is left
    after IEND.
    """
    stream.seek(8, 1)
    for _ in range(_MAX_CHUNKS):
        head = stream.read(12)
        if head[4:8] == b"IEND" or len(head) < 12:
            return
        (length,) = struct.unpack(">I", head[:4])
        yield head[4:8], head[8 : 8 + length] if head[4:8] != b"IDAT" else b""
        stream.seek(length, 1)

"""The header of JPEG XL files, read without the plugin.

The plugin decodes the whole image when it opens a file, so the size must be checked before that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

SIGNATURE = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
"""Start of a file with boxes. A file without boxes starts with `CODESTREAM`."""
CODESTREAM = b"\xff\x0a"

_MAX_BOXES = 10_000
_MAX_XMP = 1 << 24
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Aspect ratios, width to height, of images that store only their height."""


@dataclass(frozen=True)
class Header:
    """The header of a JPEG XL file.

    ``size`` is (width, height). ``animated`` tells whether the image is known to be an animation. ``exact``
    tells whether the pixels are known to be stored losslessly. ``xmp`` is the XMP data, or None if it is
    missing, compressed or larger than 16 MiB. ``compressed`` tells whether metadata is compressed with
    Brotli.
    """

    size: tuple[int, int]
    animated: bool = False
    exact: bool = False
    xmp: bytes | None = None
    compressed: bool = False


def header(stream: BinaryIO) -> Header | None:
    """Return the header of the file at the current position of ``stream``, or None if it is not a JPEG XL
    file. The position is restored.

    Raises:
        ValueError: the file ends within the header, or contains no codestream.
    """
    start = stream.tell()
    try:
        head = stream.read(12)
        if head[:2] == CODESTREAM:
            stream.seek(start + 2)
            return _codestream(stream.read(64))
        if head != SIGNATURE:
            return None
        found, xmp, kinds = None, None, set()
        for kind, length in _boxes(stream):
            kinds.add(kind)
            if kind in (b"jxlc", b"jxlp") and found is None:
                content = stream.read(70)[4 if kind == b"jxlp" else 0 :]
                found = _codestream(content[2:66])
            elif kind == b"xml " and xmp is None and length <= _MAX_XMP:
                xmp = stream.read(length)
        if found is None:
            raise ValueError("no codestream")
        return Header(found.size, found.animated, found.exact and b"jbrd" not in kinds, xmp, b"brob" in kinds)
    finally:
        stream.seek(start)


def _boxes(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield the type and the content length in bytes of each box of a JPEG XL file.

    When a box is yielded, ``stream`` is at the start of its content. If the last box does not state its
    length, `_MAX_XMP` is yielded as the length.
    """
    for _ in range(_MAX_BOXES):
        at = stream.tell()
        head = stream.read(8)
        if len(head) < 8:
            return
        length, before = int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, before = int.from_bytes(stream.read(8), "big"), 16
        if length and length < before:
            return
        yield head[4:], length - before if length else _MAX_XMP
        if not length:  # the last box extends to the end of the file
            return
        stream.seek(at + length)


def _codestream(content: bytes) -> Header:
    """Return the header of a codestream. ``content`` starts after the signature of the codestream."""
    bits = _Bits(content)
    size = _size(bits)
    if bits.take(1):  # all default: lossy colors, no animation
        return Header(size)
    animated = False
    if bits.take(1):
        bits.take(3)
        if bits.take(1):
            _size(bits)
        if bits.take(1):
            return Header(size)  # a preview follows, which is not parsed
        animated = bool(bits.take(1))
        if animated:
            return Header(size, animated=True)
    if bits.take(1):
        bits.choice((0, 0, 0, 6))
        bits.take(4)
    else:
        bits.choice((0, 0, 0, 6))
    bits.take(1)
    channels = bits.choice((0, 0, 4, 12), (0, 1, 2, 1))
    if channels > 1 or (channels and not bits.take(1)):
        return Header(size)  # extra channels are not parsed
    return Header(size, exact=not bits.take(1))


def _size(bits: "_Bits") -> tuple[int, int]:
    """Read a size header of JPEG XL from ``bits``, and return the size (width, height)."""
    small = bits.take(1)

    def side() -> int:
        return (bits.take(5) + 1) * 8 if small else bits.choice((9, 13, 18, 30)) + 1

    height = side()
    if ratio := bits.take(3):
        across, down = _RATIOS[ratio - 1]
        return height * across // down, height
    return side(), height


class _Bits:
    """A reader of bit fields, least significant bit first."""

    def __init__(self, content: bytes):
        self._number, self._left = int.from_bytes(content, "little"), 8 * len(content)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("ends within the header")
        value = self._number & ((1 << count) - 1)
        self._number >>= count
        self._left -= count
        return value

    def choice(
        self, lengths: tuple[int, int, int, int], offsets: tuple[int, int, int, int] = (0, 0, 0, 0)
    ) -> int:
        """Read a bit field, and return its value plus an offset. The two bits before the field select its
        length and the offset.
        """
        kind = self.take(2)
        return self.take(lengths[kind]) + offsets[kind]

"""Which files store their pixels without loss, and how each format does it."""

from collections.abc import Iterator
from typing import Any, BinaryIO

OPTIONS: dict[str, dict[str, Any]] = {
    "WEBP": {"lossless": True, "quality": 80},
    "JXL": {"lossless": True},
    "HEIF": {"quality": -1, "chroma": 444, "matrix_coefficients": 0},
    **{kind: {} for kind in ("PNG", "TIFF", "BMP", "PPM", "JPEG2000")},
}
"""Pillow's name of a format -> arguments of ``save`` for exact pixels.

The quality of lossless WebP is its effort.

JPEG and GIF have no lossless mode, and Pillow's AVIF encoder does not offer it.
"""

_MAX_CHUNKS = 100_000


def is_lossless_webp(stream: BinaryIO) -> bool:
    """Whether every frame of a WebP file is of the lossless kind; False for anything else.

    The position is kept.
    """
    start = stream.tell()
    try:
        head = stream.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WEBP":
            return False
        kinds = set(_bitstreams(stream))
        return kinds == {b"VP8L"}
    finally:
        stream.seek(start)


def _bitstreams(stream: BinaryIO) -> Iterator[bytes]:
    """The kinds of the image chunks, also of those in frames of an animation."""
    for _ in range(_MAX_CHUNKS):
        name, length = stream.read(4), int.from_bytes(stream.read(4), "little")
        if len(name) < 4:
            return
        following = stream.tell() + length + length % 2
        if name == b"ANMF":
            stream.seek(16, 1)
            name = stream.read(4)
        if name in (b"VP8 ", b"VP8L", b"ALPH"):
            yield name
        stream.seek(following)

"""Detection of lossless WebP files, and the options with which lossless files are written."""

from collections.abc import Iterator
from typing import Any, BinaryIO

OPTIONS: dict[str, dict[str, Any]] = {
    "WEBP": {"lossless": True, "quality": 80},
    "JXL": {"lossless": True},
    "HEIF": {"quality": -1, "chroma": 444, "matrix_coefficients": 0},
    **{kind: {} for kind in ("PNG", "TIFF", "BMP", "PPM", "JPEG2000")},
}
"""Pillow's name for a format -> arguments of ``save`` for lossless pixels. For lossless WebP, ``quality`` is
the compression effort.

JPEG and GIF have no lossless mode, and Pillow's AVIF encoder does not support that of AVIF.
"""

_MAX_CHUNKS = 100_000


def is_lossless_webp(stream: BinaryIO) -> bool:
    """Return whether all frames of a WebP file are lossless; False for other files. The position is
    restored.
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
    """Yield the type of each chunk of a WebP file that contains pixels or alpha.

    For each frame of an animation, only the first of its chunks is considered. The stream must be at the
    first chunk of the file, 12 bytes after its start.
    """
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

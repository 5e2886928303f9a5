"""Which tracks of an MP4 or MOV file are enabled, that is, played by default (ISO/IEC 14496-12)."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_ENABLED = 1
"""Bit of the flags of a track header."""


def disable(path: Path, tracks: set[int]) -> None:
    """Disable tracks of a file, given by their IDs. Raises `OSError`.

    FFmpeg enables the first track of subtitles if no other is, so that players would show them.
    """
    with path.open("r+b") as file:
        for begin, end in _boxes(file, 0, path.stat().st_size, b"moov"):
            for first, last in _boxes(file, begin, end, b"trak"):
                for at, _ in _boxes(file, first, last, b"tkhd"):
                    file.seek(at)
                    content = file.read(24)
                    version, flags = content[0], int.from_bytes(content[1:4], "big")
                    (track,) = struct.unpack_from(">I", content, 20 if version else 12)
                    if track in tracks:
                        file.seek(at + 1)
                        file.write((flags & ~_ENABLED).to_bytes(3, "big"))


def _boxes(file: BinaryIO, at: int, end: int, wanted: bytes) -> Iterator[tuple[int, int]]:
    """Yield the (start, end) offsets of the payload of each ``wanted`` box between two offsets.

    The search begins at offset ``at`` and ends at ``end``.
    """
    while at + 8 <= end:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        begin = at + 8
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
            begin = at + 16
        at = at + length if length >= 8 else end
        if kind == wanted:
            yield begin, at

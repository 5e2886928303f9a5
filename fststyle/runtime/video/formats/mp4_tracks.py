"""Which tracks of an MP4 or MOV file are enabled, that is, played by default (ISO/IEC 14496-12)."""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from fststyle.runtime.video.formats.boxes import Box, boxes

_ENABLED = 1
"""Bit of the flags of a track header."""


def disable(path: Path, tracks: set[int]) -> None:
    """Disable tracks of a file, given by their IDs. Raises `OSError`.

    FFmpeg enables the first track of subtitles if no other is, so that players would show them.
    """
    with path.open("r+b") as file:
        for movie in _of(boxes(file, 0, path.stat().st_size), b"moov"):
            for track in _of(boxes(file, movie.begin, movie.end), b"trak"):
                for header in _of(boxes(file, track.begin, track.end), b"tkhd"):
                    _disable(file, header.begin, tracks)


def _disable(file: BinaryIO, header: int, tracks: set[int]) -> None:
    """Disable the track whose header has its content at ``header``, if its ID is one of ``tracks``."""
    file.seek(header)
    content = file.read(24)
    version, flags = content[0], int.from_bytes(content[1:4], "big")
    (track,) = struct.unpack_from(">I", content, 20 if version else 12)
    if track in tracks:
        file.seek(header + 1)
        file.write((flags & ~_ENABLED).to_bytes(3, "big"))


def _of(found: Iterable[Box], kind: bytes) -> Iterator[Box]:
    return (box for box in found if box.kind == kind)

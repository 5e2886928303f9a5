"""Disable tracks of an MP4 or MOV file (ISO/IEC 14496-12). Players play enabled tracks by default."""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from fststyle.runtime.video.formats.boxes import Box, boxes

_ENABLED = 1
"""Flag ``track_enabled`` of a track header."""


def disable(path: Path, tracks: set[int]) -> None:
    """Clear the enabled flag of the tracks with the IDs ``tracks`` in the MP4 or MOV file ``path``.

    FFmpeg enables the first subtitle track if no subtitle track is enabled, so players would show it. Raises
    `OSError` if the file cannot be read or written.
    """
    with path.open("r+b") as file:
        for movie in _of(boxes(file, 0, path.stat().st_size), b"moov"):
            for track in _of(boxes(file, movie.begin, movie.end), b"trak"):
                for header in _of(boxes(file, track.begin, track.end), b"tkhd"):
                    _disable(file, header.begin, tracks)


def _disable(file: BinaryIO, header: int, tracks: set[int]) -> None:
    """Disable a track if its ID is in ``tracks``. ``header`` is the payload offset of its ``tkhd`` box."""
    file.seek(header)
    content = file.read(24)
    version, flags = content[0], int.from_bytes(content[1:4], "big")
    (track,) = struct.unpack_from(">I", content, 20 if version else 12)
    if track in tracks:
        file.seek(header + 1)
        file.write((flags & ~_ENABLED).to_bytes(3, "big"))


def _of(found: Iterable[Box], kind: bytes) -> Iterator[Box]:
    """Return the boxes of type ``kind``."""
    return (box for box in found if box.kind == kind)

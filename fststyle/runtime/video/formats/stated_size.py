"""Determine the size that a video file should have according to its structure, to find truncated files.

The headers of a container give the size of the whole file, of each element, or of a packet. Only headers are
parsed, and nothing is decoded.
"""

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from fststyle.runtime.video.formats.boxes import boxes
from fststyle.runtime.video.formats.transport_stream import LONGEST, content_of, layout_of

_HEAD = 1 << 16
"""Number of bytes at the start of a file that are searched for header fields."""

_TAIL = 1 << 18
"""Number of bytes at the end of a file that are searched for the last page or pack."""

_RIFF_ERROR = 8
"""Size in bytes of the header of a RIFF chunk, which some programs wrongly include in the size field."""

_EBML_SEGMENT, _EBML_CLUSTER = 0x18538067, 0x1F43B675
_EBML_SHORT = (0xEC, 0xBF, 0xE7, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF, 0x5854)
"""Identifiers, shorter than four bytes, of elements in a Matroska segment or cluster (RFC 9559)."""

_OGG_PAGE = b"OggS"
_FLV_LENGTH = 4
"""Size in bytes of the field that follows each tag of an FLV file and repeats its length."""

_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_MXF_KEY = bytes.fromhex("060e2b34")


def missing_bytes(path: Path, container: str) -> int:
    """Return a lower bound on the number of bytes that are missing at the end of a file.

    ``container`` is the FFmpeg name of the container. The result is 0 if the file is complete, if its
    structure does not define where it ends, or if the file cannot be read or parsed.
    """
    find = next((found for name, found in _ENDS.items() if container.startswith(name)), None)
    if find is None:
        return 0
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return max(0, (find(file, size) or 0) - size)
    except (OSError, struct.error, IndexError):
        return 0


def _end_of_fragments(file: BinaryIO, size: int) -> int | None:
    """Return the byte offset at which the last box of a fragmented MP4 file ends.

    If the box is followed by an incomplete header, this is where the header ends. Returns None if other data
    follows the boxes, and for other MP4 files, whose ``moov`` box gives the ends of the samples.
    """
    at, fragmented = 0, False
    for box in boxes(file, 0, size):
        if not box.kind.isalnum():
            return None  # other data follows the boxes
        fragmented |= box.kind == b"moof"
        at = box.end
    if not fragmented or size - at >= 8:
        return None
    return at if at >= size else at + 8


def _end_of_matroska(file: BinaryIO, size: int) -> int | None:
    """Return the byte offset at which the segment of a Matroska file ends.

    If the size of the segment is unknown, as in live recordings, this is where its last element ends. Returns
    None if other data follows the elements.
    """
    at = 0
    while at < size:
        head = _read(file, at, 12)
        if not head[:1] or not head[0]:
            return None
        identifier, length = _ebml(head, 0, marker=True)
        if identifier is None or length is None or length > 4:
            return None
        content, width = _ebml(head, length, marker=False)
        if content is None or width is None:
            return at + 2 if at + len(head) >= size else None
        if content == (1 << 7 * width) - 1:  # the size is unknown, so the contained elements are parsed
            if identifier not in (_EBML_SEGMENT, _EBML_CLUSTER):
                return None
            at += length + width
            continue
        if length < 4 and identifier not in _EBML_SHORT:
            return None  # other data follows the elements
        at += length + width + content
        if identifier == _EBML_SEGMENT:
            return at
    return at


def _ebml(data: bytes, at: int, marker: bool) -> tuple[int | None, int | None]:
    """Parse a variable-length integer (RFC 8794, section 4) at offset ``at``.

    Returns the value and its length in bytes, or (None, None) if it is invalid or incomplete. ``marker``:
    True if the value includes the bit that marks the length.
    """
    if at >= len(data) or not data[at]:
        return None, None
    width = 9 - data[at].bit_length()
    if at + width > len(data):
        return None, None
    value = int.from_bytes(data[at : at + width], "big")
    return (value if marker else value & ((1 << 7 * width) - 1)), width


def _end_of_avi(file: BinaryIO, size: int) -> int | None:
    """Return the byte offset at which the last RIFF chunk of an AVI file ends, minus `_RIFF_ERROR`.

    Returns None if there is no such chunk, or if the size of a chunk is unknown.
    """
    at, end = 0, None
    while at < size:
        head = _read(file, at, 8)
        if head[:4] != b"RIFF" or len(head) < 8:
            break
        (length,) = struct.unpack("<I", head[4:])
        if length in (0, 0xFFFFFFFF):  # unknown, since the file was written to a pipe
            return None
        at += 8 + length + length % 2
        end = at - _RIFF_ERROR
    return end


def _end_of_asf(file: BinaryIO, size: int) -> int | None:
    """Return the file size in the header of an ASF file, or None if it has none or marks a broadcast."""
    head = _read(file, 0, _HEAD)
    at = head.find(_ASF_FILE_PROPERTIES)
    if at < 0:
        return None
    (stated,) = struct.unpack_from("<Q", head, at + 40)
    (flags,) = struct.unpack_from("<I", head, at + 88)
    return None if flags & 1 else int(stated)  # bit 0 marks a broadcast


def _end_of_flv(file: BinaryIO, size: int) -> int | None:
    """Return the byte offset at which an FLV file should end, or None if the file appears to be complete.

    This is the file size in the metadata if it exceeds ``size`` by more than `_FLV_LENGTH`, since the length
    field after the last tag may be missing. Otherwise, it is the offset at which an incomplete last tag ends.
    """
    end, at = None, int.from_bytes(_read(file, 5, 4), "big") + 4
    (length,) = struct.unpack(">I", _read(file, size - 4, 4))
    tag = _read(file, size - 4 - length, 4) if 11 <= length < size else b""
    if not tag or int.from_bytes(tag[1:], "big") + 11 != length:  # the last tag does not end here
        while at < size:
            tag = _read(file, at, 11)
            end = at + 11 + int.from_bytes(tag[1:4], "big")
            at = end + _FLV_LENGTH
    head = _read(file, 0, _HEAD)
    if (at := head.find(b"\x00\x08filesize\x00")) >= 0:
        (stated,) = struct.unpack_from(">d", head, at + 11)
        if size + _FLV_LENGTH < stated < 1 << 53:
            return int(stated)
    return end


def _end_of_ogg(file: BinaryIO, size: int) -> int | None:
    """Return the byte offset at which the last page of an Ogg file ends, or None if no page is found.

    If the last packet of the page continues on a page that is missing, one byte is added. The flag for the
    last page of a stream is not used, since recorders do not always set it.
    """
    start = max(0, size - _TAIL)
    tail = _read(file, start, _TAIL)
    at = tail.rfind(_OGG_PAGE)
    if at < 0:
        return None
    page = tail[at:]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return start + at + 27 + (page[26] if len(page) > 26 else 0)
    lacing = page[27 : 27 + page[26]]
    end = start + at + 27 + len(lacing) + sum(lacing)
    rest = tail[end - start :]
    if rest and _OGG_PAGE.startswith(rest):
        return end + 27
    return end + 1 if lacing[-1:] == b"\xff" and end == size else end


def _end_of_mxf(file: BinaryIO, size: int) -> int | None:
    """Return a lower bound on the size of a complete MXF file in bytes.

    This is the offset at which the last element ends, but at least one byte more than the offset of the
    footer, which the header contains.
    """
    at, footer = max(0, _read(file, 0, _HEAD).find(_MXF_KEY)), 0
    while at < size:
        head = _read(file, at, 25 + 32)
        if head[:4] != _MXF_KEY:
            break
        if len(head) < 17:
            return at + 17
        wide = head[16] & 0x7F if head[16] & 0x80 else 0
        if not footer and len(head) >= 17 + wide + 32:
            footer = int.from_bytes(head[17 + wide + 24 : 17 + wide + 32], "big") or -1
        at += 17 + wide + (int.from_bytes(head[17 : 17 + wide], "big") if wide else head[16])
    return max(at, footer + 1)


def _end_of_transport_stream(file: BinaryIO, size: int) -> int | None:
    """Return the smallest file size with which the last packets of an MPEG transport stream are complete.

    These are the last transport packet and the last PES packet of each stream, if it has a length field, as
    in audio streams (ISO/IEC 13818-1, section 2.4.3). Returns None if the file is not a transport stream.
    """
    if (layout := layout_of(_read(file, 0, 4 * LONGEST))) is None:
        return None
    length, sync = layout
    if size % length:
        return size + length - size % length
    missing: dict[int, int] = {}
    tail = _read(file, size - min(size, _TAIL // length * length), _TAIL)
    for at in range(sync, len(tail), length):
        number, begins, content = content_of(tail[at : at + 188])
        if begins and content.startswith(b"\0\0\1"):
            stated = int.from_bytes(content[4:6], "big")
            missing[number] = stated and stated + 6
        missing[number] = missing.get(number, 0) - len(content)
    return size + max(missing.values(), default=0)


def _end_of_program_stream(file: BinaryIO, size: int) -> int | None:
    """Return the byte offset at which the last packet of an MPEG program stream should end.

    Returns None if this packet is not truncated (ISO/IEC 13818-1, section 2.5).
    """
    start = max(0, size - _TAIL)
    tail = _read(file, start, _TAIL)
    at = tail.rfind(b"\0\0\1\xba")
    if at < 0:
        return None
    while at + 6 <= len(tail) and tail[at : at + 3] == b"\0\0\1":
        if tail[at + 3] == 0xBA:
            if at + 14 > len(tail):
                return start + at + 14
            at += 14 + (tail[at + 13] & 7) if tail[at + 4] >> 6 == 1 else 12
        elif tail[at + 3] == 0xB9:
            return None
        else:
            at += 6 + int.from_bytes(tail[at + 4 : at + 6], "big")
    rest = tail[at : at + 6]
    if rest and len(rest) < 6 and rest[:3] == b"\0\0\1"[: len(rest)]:
        at += 6
    return start + at if at > len(tail) else None


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at, os.SEEK_SET)
    return file.read(count)


_ENDS: dict[str, Callable[[BinaryIO, int], int | None]] = {
    "mov": _end_of_fragments,
    "matroska": _end_of_matroska,
    "avi": _end_of_avi,
    "asf": _end_of_asf,
    "flv": _end_of_flv,
    "ogg": _end_of_ogg,
    "mxf": _end_of_mxf,
    "mpegts": _end_of_transport_stream,
    "mpeg": _end_of_program_stream,
}
"""For each container, given by the start of its FFmpeg name, a function (file, size) that returns a lower
bound of the complete size of the file in bytes, or None if it is unknown. ``size`` is the actual size.
"""

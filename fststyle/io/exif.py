"""Change size, orientation and thumbnail in EXIF data without moving other values.

Maker notes contain offsets from the start of the EXIF data. These would be invalid if the data were
rewritten.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

PREFIX = b"Exif\x00\x00"
"""Precedes the TIFF header of EXIF data in JPEG files."""

_ORIENTATION, _RESOLUTION = 0x0112, 0x011A
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_THUMBNAIL, _THUMBNAIL_BYTES = (0x0201, 0x0111), (0x0202, 0x0117)
_SHORT, _LONG = 3, 4
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""TIFF type -> size of one value in bytes."""


def adapted(exif: bytes, size: tuple[int, int]) -> bytes | None:
    """Return EXIF data that is adapted to an upright image.

    The orientation is set to 1, the size is set to that of the image, and the thumbnail is removed. Missing
    tags are not added. The result starts with a TIFF header. It is None if the data is damaged.

    Args:
        exif: the data, which starts with a TIFF header or with `PREFIX`.
        size: the size (H, W) of the image.
    """
    while exif.startswith(PREFIX):
        exif = exif[len(PREFIX) :]
    try:
        return _Directory.first(bytearray(exif)).adapted(size)
    except (struct.error, ValueError):
        return None


def states_resolution(exif: bytes) -> bool:
    """Return whether the first directory of EXIF data contains a resolution.

    The data must start with a TIFF header.

    Raises:
        ValueError, struct.error: the data is damaged.
    """
    return any(entry.tag == _RESOLUTION for entry in _Directory.first(bytearray(exif))._records())


def appended(tiff: bytes, exif: bytes) -> bytes:
    """Return a copy of a TIFF file with the tags of EXIF data added to its first directory. Tags that the
    file already has are not changed.

    The EXIF data must start with a TIFF header, in the byte order of the file.

    Raises:
        ValueError, struct.error: the file or the EXIF data is damaged.
    """
    file = bytearray(tiff + b"\x00" * (len(tiff) % 2))
    moved = len(file)
    below = _Directory.first(bytearray(exif))
    for directory in [below, *below._below()]:
        directory._move(moved)
    there = _Directory.first(file)
    added = {entry.tag: bytes(below._data[entry.at : entry.at + 12]) for entry in below._records()}
    kept = {entry.tag: bytes(file[entry.at : entry.at + 12]) for entry in there._records()}
    records = [record for _, record in sorted((added | kept).items())]
    file += below._data + b"\x00" * (len(below._data) % 2)
    struct.pack_into(there._order + "I", file, 4, len(file))
    following = tiff[there._end - 4 : there._end]
    return bytes(file + struct.pack(there._order + "H", len(records)) + b"".join(records) + following)


@dataclass(frozen=True)
class _Entry:
    """One tag in a directory of EXIF data.

    ``tag`` is the number of the tag, and ``kind`` is its TIFF type. ``at`` is the offset of its 12-byte
    record, and ``start`` and ``end`` are the offsets of the start and the end of its value.
    """

    tag: int
    kind: int
    at: int
    start: int
    end: int


class _Directory:
    """The directory at the offset ``at`` of the EXIF data ``data``.

    ``order`` is the byte order, "<" (little-endian) or ">" (big-endian).

    Raises:
        ValueError, struct.error: the data is damaged.
    """

    def __init__(self, data: bytearray, order: str, at: int):
        self._data, self._order, self._at = data, order, at
        if at < 8:
            raise ValueError("no directory")
        self._count = self._number("H", at)
        self._end = at + 2 + 12 * self._count + 4
        if self._end - 4 > len(data):
            raise ValueError("directory beyond the end")

    @classmethod
    def first(cls, data: bytearray) -> "_Directory":
        """Return the first directory of EXIF data. Raises `ValueError` if the data does not start with a TIFF
        header.
        """
        order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(bytes(data[:4]))
        if order is None:
            raise ValueError("no TIFF header")
        return cls(data, order, struct.unpack_from(order + "I", data, 4)[0])

    def adapted(self, size: tuple[int, int]) -> bytes:
        directories = [self, *self._below()]
        for directory in directories:
            directory._set(size)
        used = [part for directory in directories for part in directory._parts()]
        following = self._end - 4
        if following + 4 <= len(self._data) and (second := self._number("I", following)):
            struct.pack_into(self._order + "I", self._data, following, 0)
            self._drop_thumbnail(second, used)
        return bytes(self._data)

    def _below(self) -> "Iterator[_Directory]":
        """Yield the undamaged EXIF, GPS and interoperability directories to which this directory refers."""
        for entry in self._entries():
            if entry.tag in (_EXIF, _GPS, _INTEROPERABILITY) and entry.kind in (_LONG, 13):
                try:
                    below = _Directory(self._data, self._order, self._number("I", entry.at + 8))
                except (struct.error, ValueError):
                    continue
                yield below
                if entry.tag == _EXIF:
                    for further in below._entries():
                        if further.tag == _INTEROPERABILITY and further.kind in (_LONG, 13):
                            yield from below._below()
                            break

    def _set(self, size: tuple[int, int]) -> None:
        for entry in self._entries():
            if entry.tag == _ORIENTATION:
                self._put(entry, 1)
            elif entry.tag in _WIDTHS:
                self._put(entry, size[1])
            elif entry.tag in _HEIGHTS:
                self._put(entry, size[0])

    def _drop_thumbnail(self, at: int, used: list[tuple[int, int]]) -> None:
        """Remove the thumbnail of the directory at the offset ``at``.

        ``used`` contains the (start, end) offsets of the parts to keep. A thumbnail that does not overlap
        these parts is overwritten with zeros. If the directory follows all of these parts, the data after
        them is cut off.
        """
        try:
            entries = list(_Directory(self._data, self._order, at)._entries())
        except (struct.error, ValueError):
            entries = []
        starts, lengths = (
            [self._value(entry) for entry in entries if entry.tag in tags]
            for tags in (_THUMBNAIL, _THUMBNAIL_BYTES)
        )
        for start, length in zip(starts, lengths, strict=False):
            end = min(start + length, len(self._data))
            if all(end <= first or last <= start for first, last in used):
                self._data[start:end] = bytes(max(0, end - start))
        last = max(end for _, end in used)
        if at >= last:
            del self._data[last:]

    def _move(self, by: int) -> None:
        """Add ``by`` to every offset in this directory."""
        for entry in self._records():
            outside = _BYTES.get(entry.kind, 1) * self._number("I", entry.at + 4) > 4
            if outside or entry.tag in (_EXIF, _GPS, _INTEROPERABILITY):
                struct.pack_into(
                    self._order + "I", self._data, entry.at + 8, self._number("I", entry.at + 8) + by
                )

    def _records(self) -> Iterator[_Entry]:
        """Yield all tags, including those whose values lie beyond the end of the data.

        The offsets ``start`` and ``end`` of the yielded entries are 0.
        """
        for at in range(self._at + 2, self._at + 2 + 12 * self._count, 12):
            yield _Entry(self._number("H", at), self._number("H", at + 2), at, 0, 0)

    def _entries(self) -> Iterator[_Entry]:
        """Yield the tags whose values lie within the data."""
        for at in range(self._at + 2, self._at + 2 + 12 * self._count, 12):
            tag, kind = self._number("H", at), self._number("H", at + 2)
            length = _BYTES.get(kind, 1) * self._number("I", at + 4)
            start = at + 8 if length <= 4 else self._number("I", at + 8)
            if start + length <= len(self._data):
                yield _Entry(tag, kind, at, start, start + length)

    def _parts(self) -> list[tuple[int, int]]:
        """Return the (start, end) offsets of all parts of the data that this directory uses."""
        return [
            (0, 8),
            (self._at, min(self._end, len(self._data))),
            *((entry.start, entry.end) for entry in self._entries()),
        ]

    def _put(self, entry: _Entry, value: int) -> None:
        """Overwrite the value of a tag, if the tag holds one integer of a type that can represent it."""
        if (
            entry.kind in (_SHORT, _LONG)
            and entry.end - entry.start == _BYTES[entry.kind]
            and value < 1 << (8 * _BYTES[entry.kind])
        ):
            struct.pack_into(
                self._order + ("H" if entry.kind == _SHORT else "I"), self._data, entry.start, value
            )

    def _value(self, entry: _Entry) -> int:
        return self._number("H" if entry.kind == _SHORT else "I", entry.at + 8)

    def _number(self, code: str, at: int) -> int:
        number: int = struct.unpack_from(self._order + code, self._data, at)[0]
        return number

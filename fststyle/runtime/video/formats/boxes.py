"""Parse the boxes of MP4 and MOV files (ISO/IEC 14496-12, section 4.2), and name boxes that FFmpeg does not
read.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

XMP = "XMP data"
"""Name of XMP metadata for messages."""

_MOST = 10
"""Maximum number of boxes that are named one by one; the others are counted."""

_ADOBE_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")

_TOP = frozenset(
    (
        *(b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"mfra", b"sidx", b"ssix"),
        *(b"prft", b"pdin", b"pnot"),
    )
)
"""Top-level boxes that describe the storage of a file, or whose content is read."""

_TEXTS = (
    "ART alb cmt com cpy day dir dis ed1 enc fmt gen grp hst inf lyr mak mod nam"
    " prd prf req src st3 swr too trk url wrn wrt xyz"
)
_USER_DATA = frozenset(
    (
        *(b"\xa9" + name.encode() for name in _TEXTS.split()),
        *(b"@PRM", b"@PRQ", b"aART", b"akID", b"apID", b"atID", b"catg", b"chpl", b"cnID"),
        *(b"covr", b"cpil", b"cprt", b"desc", b"disk", b"egid", b"geID", b"gnre", b"hdvd", b"hinf"),
        *(b"hnti", b"keyw", b"kind", b"ldes", b"loci", b"manu", b"meta", b"modl", b"name", b"pcst"),
        *(b"pgap", b"plID", b"purd", b"rtng", b"sfID", b"soaa", b"soal", b"soar", b"soco", b"sonm", b"sosn"),
        *(b"stik", b"tagc", b"trkn", b"tven", b"tves", b"tvnn", b"tvsh", b"tvsn"),
        *(b"free", b"skip", b"ptv ", b"AllF", b"LOOP", b"SelO", b"WLOC"),
    )
)
"""User data that FFmpeg reads as tags, or that describes playback."""


@dataclass(frozen=True)
class Box:
    """A box of an MP4 or MOV file.

    ``kind`` is the four-byte type of the box. The payload extends from the byte offset ``begin`` of the file
    up to but excluding ``end``. In a truncated file, ``end`` may be beyond the end of the file.
    """

    kind: bytes
    begin: int
    end: int


def boxes(file: BinaryIO, at: int, end: int) -> Iterator[Box]:
    """Yield the boxes of one level that start between the byte offsets ``at`` and ``end``.

    Iteration stops at the first damaged box.
    """
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        length, kind, begin = int.from_bytes(head[:4], "big"), head[4:8], at + 8
        if length == 1:
            length, begin = int.from_bytes(head[8:], "big"), at + 16
        elif length == 0:
            length = end - at
        if length < begin - at:
            return
        at += length
        yield Box(kind, begin, at)


def lacks_index(path: Path) -> bool:
    """Return whether a file is an MP4 or MOV file with media data (``mdat``) but no index (``moov``).

    Recorders write the index last, so an interrupted recording lacks it. Returns False if the file cannot be
    read.
    """
    try:
        with path.open("rb") as file:
            kinds = [box.kind for box in boxes(file, 0, path.stat().st_size)]
    except OSError:
        return False
    return b"mdat" in kinds and b"moov" not in kinds and kinds[0] in _TOP


def unread(path: Path, known: tuple[bytes, ...] = ()) -> list[str]:
    """Return the names of the boxes of an MP4 or MOV file that FFmpeg does not read.

    These are UUID boxes, top-level boxes whose type is neither in `_TOP` nor in ``known``, and user data
    whose type is not in `_USER_DATA`. If there are more than `_MOST` names, the last item of the list gives
    only the number of the remaining ones. The result is empty if the file cannot be read.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            found = [*_unread(file, size, known)]
    except OSError:
        return []
    names = [*dict.fromkeys(found)]
    more = len(names) - _MOST
    return names if more <= 0 else [*names[:_MOST], f"{more} more box{'es' if more > 1 else ''}"]


def _unread(file: BinaryIO, size: int, known: tuple[bytes, ...]) -> Iterator[str]:
    """Yield the names of the boxes of a file that FFmpeg does not read, possibly with duplicates.

    ``size`` is the size of the file in bytes, and ``known`` contains types of top-level boxes to omit.
    """
    for box in boxes(file, 0, size):
        if not box.kind.isalnum():
            return  # other data after the end
        if box.kind in (b"uuid", b"udta"):
            yield from _named(file, box)
        elif box.kind == b"moov":
            yield from _of_movie(file, box, size)
        elif box.kind not in (*_TOP, *known):
            yield f"box {_text(box.kind)!r}"


def _of_movie(file: BinaryIO, movie: Box, size: int) -> Iterator[str]:
    """Yield the names of the boxes in a ``moov`` box and its tracks that FFmpeg does not read.

    ``size`` is the size of the file in bytes.
    """
    for box in boxes(file, movie.begin, min(movie.end, size)):
        if box.kind in (b"uuid", b"udta"):
            yield from _named(file, box)
        elif box.kind == b"trak":
            for below in boxes(file, box.begin, min(box.end, size)):
                if below.kind == b"udta":
                    yield from _named(file, below)


def _named(file: BinaryIO, box: Box) -> Iterator[str]:
    """Yield the name of a UUID box, or of each box in a user data box that FFmpeg does not read."""
    if box.kind == b"udta":
        for below in boxes(file, box.begin, box.end):
            if below.kind == b"uuid":
                yield from _named(file, below)
            elif below.kind == b"XMP_":
                yield XMP
            elif below.kind not in _USER_DATA and below.kind.strip(b"\0"):
                yield f"user data {_text(below.kind)!r}"
        return
    file.seek(box.begin)
    identifier = file.read(16)
    if len(identifier) == 16:
        yield XMP if identifier == _ADOBE_XMP else f"box {uuid.UUID(bytes=identifier)}"


def _text(kind: bytes) -> str:
    """Return the type of a box as text, or in hexadecimal if it is not printable."""
    text = kind.decode("latin-1")
    return text if text.isprintable() else kind.hex()

"""Parse MPEG transport streams (ISO/IEC 13818-1) and the names of their services (ETSI EN 300 468).

FFmpeg stores these names as tags of programs, which PyAV does not expose.
"""

import itertools
import unicodedata
from collections.abc import Iterator
from pathlib import Path

_LAYOUTS = {188: 0, 192: 4, 204: 0, 208: 0}
"""Offset of the synchronization byte 0x47 in a packet, by packet size in bytes."""

LONGEST = max(_LAYOUTS)
"""Largest packet size in bytes."""

_SEARCHED = 1 << 22
"""Number of bytes at the start of a file that are searched for names, which broadcasts repeat at least every
two seconds.
"""

_DESCRIPTIONS, _ACTUAL, _SERVICE = 0x11, 0x42, 0x48
"""Packet identifier (PID) and table ID of the service description table, and the tag of its service
descriptors.
"""

_DEFAULTS = ("FFmpeg", "Service01")
"""Names that FFmpeg writes if there are none."""

_ACCENTS = dict(
    zip(
        b"\xc1\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xca\xcb\xcd\xce\xcf",
        "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u0327\u030b\u0328\u030c",
        strict=True,
    )
)
"""Combining character for each accent of ISO/IEC 6937. There, an accent precedes its letter; a combining
character follows it.
"""


def layout_of(head: bytes) -> tuple[int, int] | None:
    """Return the packet layout of an MPEG transport stream: the distance between the starts of two packets
    and the offset of the first sync byte, both in bytes.

    ``head`` must contain the first 4 * `LONGEST` bytes of the file, or all bytes of a shorter file. Returns
    None if the file is not a transport stream, or is shorter than four packets.
    """
    for length, sync in _LAYOUTS.items():
        if all(at < len(head) and head[at] == 0x47 for at in range(sync, 4 * length, length)):
            return length, sync
    return None


def content_of(packet: bytes) -> tuple[int, bool, bytes]:
    """Parse a packet of 188 bytes of an MPEG transport stream.

    Returns its packet identifier (PID), True if a payload unit starts in it, and its payload, which may be
    empty.
    """
    number = int.from_bytes(packet[1:3], "big") & 0x1FFF
    field = 1 + packet[4] if packet[3] & 0x20 else 0
    return number, bool(packet[1] & 0x40), packet[4 + field :] if packet[3] & 0x10 else b""


def service_tags(path: Path) -> dict[str, str]:
    """Return the tags ``service_name`` and ``service_provider`` of a transport stream file.

    Their values are the names and the providers of the services (channels) in the first section of the
    service description table. Several values are separated by commas. FFmpeg's default names (`_DEFAULTS`)
    are ignored, and a tag without a value is omitted. Raises `OSError` if the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_SEARCHED)
    found: dict[str, dict[str, None]] = {"service_provider": {}, "service_name": {}}
    for section in itertools.islice(_sections(head), 1):
        for texts in _services(section):
            for names, text in zip(found.values(), texts, strict=True):
                if text and text not in _DEFAULTS:
                    names[text] = None
    return {key: ", ".join(names) for key, names in found.items() if names}


def _sections(head: bytes) -> Iterator[bytes]:
    """Yield each complete section of the service description table, without its checksum.

    ``head`` is the beginning of the file. Tables of other transport streams are skipped.
    """
    if (layout := layout_of(head[: 4 * LONGEST])) is None:
        return
    length, sync = layout
    section = b""
    for at in range(sync, len(head) - 187, length):
        number, begins, content = content_of(head[at : at + 188])
        if number != _DESCRIPTIONS or not content:
            continue
        section = content[1 + content[0] :] if begins else section + content
        if len(section) > 3 and len(section) >= (size := 3 + (int.from_bytes(section[1:3], "big") & 0xFFF)):
            if section[0] == _ACTUAL:
                yield section[: size - 4]  # without the checksum
            section = b""


def _services(section: bytes) -> Iterator[tuple[str, str]]:
    """Yield the provider and the name of each service in a section of the service description table."""
    at = 11
    while at + 5 <= len(section):
        end = min(len(section), at + 5 + (int.from_bytes(section[at + 3 : at + 5], "big") & 0xFFF))
        at += 5
        while at + 2 <= end:
            tag, length = section[at : at + 2]
            content = section[at + 2 : at + 2 + length]
            if tag == _SERVICE and len(content) > 2:
                provider = content[2 : 2 + content[1]]
                name = content[2 + content[1] :]
                yield _text(provider), _text(name[1 : 1 + name[0]] if name else b"")
            at += 2 + length
        at = end


def _text(content: bytes) -> str:
    """Decode a text field of a service description, and remove its control codes.

    The first bytes of the field may select the encoding (EN 300 468, annex A).
    """
    first = content[:1]
    try:
        if first == b"\x10":
            text = content[3:].decode(f"iso8859-{int.from_bytes(content[1:3], 'big')}")
        elif b"\x01" <= first <= b"\x0b":
            text = content[1:].decode(f"iso8859-{first[0] + 4}")
        else:  # UTF-8, which FFmpeg writes without stating it
            text = content.removeprefix(b"\x15").decode("utf-8")
    except (UnicodeDecodeError, LookupError):
        text = _of_iso_6937(content)
    return "".join(char for char in text if char.isprintable()).strip()


def _of_iso_6937(content: bytes) -> str:
    """Decode a text in ISO/IEC 6937. All bytes other than accents are decoded as Latin-1."""
    text, accent = "", ""
    for byte in content:
        if byte in _ACCENTS:
            accent = _ACCENTS[byte]
        else:
            text, accent = text + chr(byte) + accent, ""
    return unicodedata.normalize("NFC", text)
